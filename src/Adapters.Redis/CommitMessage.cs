using System.Globalization;
using StackExchange.Redis;

namespace WorkflowSessions.Redis;

/// <summary>One numbered commit as Scripts/commit.lua takes it, and its answer.</summary>
internal sealed class CommitMessage(WorkflowCommit commit, string node, long number)
{
    private const int HeaderArguments = 1;

    /// <summary>The arguments. The first is the header, which depends on the time of sending.</summary>
    public RedisValue[] Arguments()
    {
        RedisValue[] arguments = new RedisValue[HeaderArguments + commit.Deletes.Count + (2 * commit.Sets.Count)];
        int next = HeaderArguments;
        foreach (string key in commit.Deletes)
        {
            arguments[next++] = WorkflowLayout.Field(key);
        }

        foreach ((string key, ReadOnlyMemory<byte> value) in commit.Sets)
        {
            arguments[next++] = WorkflowLayout.Field(key);
            arguments[next++] = WorkflowLayout.Value(value);
        }

        return arguments;
    }

    /// <summary>The header, as the head of the script describes it.</summary>
    public RedisValue Header(long validUntil) =>
        string.Create(
            CultureInfo.InvariantCulture,
            $"{node} {number} {validUntil} {commit.Generation} {commit.RequiredVersion} {commit.Stamp?.ToUnixTimeMilliseconds()} {commit.NewGeneration} {Milliseconds(commit.IdleTimeout)} {Milliseconds(commit.AbsoluteTimeout)} {(commit.Clears ? "c" : "")}{(commit.Ends ? "e" : "")} {commit.Deletes.Count}"
        );

    /// <param name="answer">The answer of the script.</param>
    /// <param name="now">The clock of the node, in which the expiry is told.</param>
    /// <returns>Null when the script has seen a later number of this node, which no sound workflow can have.</returns>
    public static CommitResult? Result(RedisResult[] answer, DateTimeOffset now) =>
        (Answer)(int)answer[0] switch
        {
            Answer.Stored => CommitResult.Stored((long)answer[4], (long)answer[2], now.AddMilliseconds((long)answer[3])),
            Answer.Removed => CommitResult.Removed,
            Answer.Changed => CommitResult.Changed,
            Answer.Ended => CommitResult.Ended,
            _ => null,
        };

    /// <summary>Whole milliseconds, rounded up.</summary>
    public static long? Milliseconds(TimeSpan? time) => time is { } span ? (long)Math.Ceiling(span.TotalMilliseconds) : null;
}
