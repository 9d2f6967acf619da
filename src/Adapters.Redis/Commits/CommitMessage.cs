using System.Globalization;
using StackExchange.Redis;

namespace WorkflowSessions.Redis;

/// <summary>One numbered commit as Scripts/commit.lua takes it, and its answer.</summary>
/// <param name="commit">The commit.</param>
/// <param name="node">The name of the node.</param>
/// <param name="number">Its number.</param>
/// <param name="loaded">The metadata that this session has seen last; null when it has seen none.</param>
internal sealed class CommitMessage(WorkflowCommit commit, string node, long number, WorkflowMetadata? loaded)
{
    private const int FirstEntry = (int)CommitArgument.Entries;
    private const int MostInOneCall = 2000;

    // With more records of nodes, a commit takes the long way, which forgets old ones.
    private const int MostNodes = 16;

    private readonly WorkflowMetadata? _next =
        loaded is { State: Protocol.Active } found
        && commit
            is {
                Kind: WorkflowCommitKind.Changes,
                Receipt: null,
                Ends: false,
                Clears: false,
                Deletes.Count: 0,
                Sets.Count: <= MostInOneCall,
                Stamp: { } stamp
            }
        && commit.Generation == found.Generation
        && (commit.RequiredVersion is not { } required || required == found.Version)
        && found.Version + 1 < Protocol.Largest
        && found.Nodes <= MostNodes
            ? found with
            {
                Version = found.Version + 1,
                Modified = Modified(stamp),
            }
            : null;

    /// <summary>The arguments of a copy.</summary>
    /// <param name="validUntil">The time until which the server executes it, in Unix milliseconds of the server.</param>
    public RedisValue[] Arguments(long validUntil)
    {
        bool expectsOne = _next is { } expected && expected.IsSettledUntil(validUntil, Milliseconds(commit.IdleTimeout));
        RedisValue[] arguments = new RedisValue[
            FirstEntry + commit.Deletes.Count + (2 * commit.Sets.Count) + (commit.Receipt is null ? 0 : 2)
        ];
        arguments[(int)CommitArgument.Header] = Header();
        arguments[(int)CommitArgument.ValidUntil] = validUntil;
        arguments[(int)CommitArgument.Loaded] = expectsOne ? loaded!.Value.Format() : RedisValue.EmptyString;
        arguments[(int)CommitArgument.Next] = expectsOne ? _next!.Value.Format() : RedisValue.EmptyString;
        arguments[(int)CommitArgument.Node] = WorkflowLayout.NodeField(node);
        arguments[(int)CommitArgument.Record] = string.Create(
            CultureInfo.InvariantCulture,
            $"{number} {(int)Answer.Stored} {commit.Generation ?? 0} {validUntil}"
        );
        int next = FirstEntry;
        foreach ((string key, WorkflowEntry entry) in commit.Sets)
        {
            arguments[next++] = WorkflowLayout.Field(key);
            arguments[next++] = WorkflowLayout.Value(entry.Encoded);
        }

        if (commit.Receipt is { } receipt)
        {
            arguments[next++] = WorkflowLayout.CompletionField;
            arguments[next++] = WorkflowLayout.Value(receipt.Encoded);
        }

        foreach (string key in commit.Deletes)
        {
            arguments[next++] = WorkflowLayout.Field(key);
        }

        return arguments;
    }

    /// <summary>Reads an answer.</summary>
    /// <param name="answer">The answer of the script, which is not late.</param>
    /// <param name="now">The clock of the node, in which the expiry is told.</param>
    /// <param name="stored">The metadata that are stored now, as far as the answer tells them; null when no workflow of this session is stored.</param>
    /// <returns>Null when the script has seen a later number of this node, which no sound workflow can have.</returns>
    public CommitResult? Result(RedisResult[] answer, DateTimeOffset now, out WorkflowMetadata? stored)
    {
        Answer outcome = ScriptAnswer.Outcome(answer);
        WorkflowMetadata? told = outcome switch
        {
            Answer.AsExpected => _next,
            Answer.Stored when (long)answer[3] != 0 => new WorkflowMetadata(
                commit.Kind == WorkflowCommitKind.Claim ? Protocol.Claimed
                    : commit.Receipt is not null ? Protocol.HasReceipt
                    : Protocol.Active,
                Generation: (long)answer[3],
                Version: (long)answer[4],
                commit.Stamp is { } changed ? Modified(changed) : 0,
                Expires: (long)answer[5],
                Deadline: (long)answer[6]
            ),
            _ => null,
        };
        // A claim and a release leave the time of the last change, which the answer does not tell.
        stored = commit.Stamp is null ? null : told;
        return outcome switch
        {
            Answer.AsExpected or Answer.Stored => CommitResult.Stored(
                told?.Generation ?? 0,
                told?.Version ?? 0,
                now.AddMilliseconds(told is { } workflow ? workflow.Expires - ScriptAnswer.Time(answer) : 0)
            ),
            Answer.Removed => CommitResult.Removed,
            Answer.Changed => CommitResult.Changed,
            Answer.Ended => CommitResult.Ended,
            Answer.TooManyEntries => CommitResult.TooManyEntries,
            Answer.Completed => CommitResult.Completed,
            Answer.Completing => CommitResult.Completing,
            _ => null,
        };
    }

    /// <summary>
    /// Whether nobody else committed between the load and this commit. Otherwise the request has not seen all entries, and must not take the short way, which does not
    /// count them.
    /// </summary>
    public bool Follows(WorkflowMetadata? stored) => stored?.Version == (loaded?.Version ?? 0) + 1;

    /// <summary>What shows that a server has the commit: the record of the node.</summary>
    /// <param name="layout">The layout of the session.</param>
    /// <param name="answer">The answer of the script: stored, or ended.</param>
    public StoredProof Proof(WorkflowLayout layout, RedisResult[] answer)
    {
        Answer outcome = ScriptAnswer.Outcome(answer) == Answer.Removed ? Answer.Removed : Answer.Stored;
        string record = string.Create(CultureInfo.InvariantCulture, $"{number} {(int)outcome} ");
        return new StoredProof(
            layout.Key(commit.WorkflowId),
            WorkflowLayout.NodeField(node),
            value => ((string?)value)?.StartsWith(record, StringComparison.Ordinal) == true,
            layout.Unused
        );
    }

    /// <summary>By a clock that is off by centuries it would have more digits than the script writes.</summary>
    private static long Modified(DateTimeOffset stamp) => Math.Clamp(stamp.ToUnixTimeMilliseconds(), -Protocol.Largest, Protocol.Largest);

    /// <summary>Whole milliseconds, rounded up.</summary>
    public static long? Milliseconds(TimeSpan? time) => time is { } span ? (long)Math.Ceiling(span.TotalMilliseconds) : null;

    /// <summary>When the required version was made. Its number alone can come back, after a failover.</summary>
    private long? RequiredChange =>
        commit.RequiredVersion is { } version && loaded is { HasContent: true } found && found.Version == version ? found.Modified : null;

    private string Kind =>
        (
            commit.Kind switch
            {
                WorkflowCommitKind.Claim => "k",
                WorkflowCommitKind.Finish => "d",
                WorkflowCommitKind.Release => "r",
                _ => "",
            }
        ) + (commit.Receipt is null ? "" : "p");

    /// <summary>As the head of the script describes it.</summary>
    private string Header() =>
        string.Create(
            CultureInfo.InvariantCulture,
            $"{number} {commit.Generation} {commit.RequiredVersion} {(commit.Stamp is { } stamp ? Modified(stamp) : null)} {commit.NewGeneration} {Milliseconds(commit.IdleTimeout)} {Milliseconds(commit.AbsoluteTimeout)} {(commit.Clears ? "c" : "")}{(commit.Ends ? "e" : "")}{(loaded?.Nodes > MostNodes ? "f" : "")}{Kind} {commit.Deletes.Count} {commit.MaxEntries} {RequiredChange} {commit.ClaimId} {Milliseconds(commit.ClaimTimeout)} {Milliseconds(commit.ReceiptTimeout)}"
        );
}
