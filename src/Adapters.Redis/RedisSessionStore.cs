using System.Globalization;
using StackExchange.Redis;

namespace WorkflowSessions.Redis;

/// <summary>One session in Redis: what is stored is described at <see cref="WorkflowLayout"/>, how commits get there in docs/consistency.md.</summary>
internal sealed class RedisSessionStore(RedisNode node, string sessionId, RedisSessionStoreOptions options) : BufferedSessionStore(options)
{
    // The estimate of the server's clock is a little behind. An expiry that seems to be so much too late needs no renewal.
    private static readonly TimeSpan Imprecision = TimeSpan.FromSeconds(1);

    private static readonly SessionStoreCapabilities RedisCapabilities = new()
    {
        AtomicCommit = true,
        VersionCheck = true,
        Listing = true,
        ExpiryPerWorkflow = true,
        Completion = true,
    };

    private readonly WorkflowLayout _layout = WorkflowLayout.Of(options.EffectiveKeyPrefix, HashSessionId(sessionId));
    private readonly TimeProvider _time = options.TimeProvider;

    private readonly SeenWorkflows _seen = new();

    public override SessionStoreCapabilities Capabilities => RedisCapabilities;

    protected override string SessionHash => HashSessionId(sessionId);

    /// <summary>The last renewal, which no request waits for.</summary>
    internal Task Renewal { get; private set; } = Task.CompletedTask;

    private RedisCalls Calls => node.Calls;

    protected override async ValueTask<WorkflowRecord?> LoadWorkflowAsync(string workflowId, CancellationToken cancellationToken)
    {
        const string Operation = "could not be loaded";
        await Calls.ReadyAsync(Operation, workflowId, cancellationToken).ConfigureAwait(false);
        HashEntry[] fields = await Calls
            .ReadAsync(
                static (database, key) => database.HashGetAllAsync(key, CommandFlags.DemandMaster),
                _layout.Key(workflowId),
                Operation,
                workflowId,
                cancellationToken
            )
            .ConfigureAwait(false);
        _seen.Set(workflowId, metadata: null);
        if (fields.Length == 0)
        {
            return null;
        }

        await Calls.KnowTimeAsync(_layout.Index, Operation, workflowId).ConfigureAwait(false);
        WorkflowRecord? record = WorkflowLayout.Read(workflowId, fields, Calls.Clock.Now, _time.GetUtcNow(), out WorkflowMetadata metadata);
        _seen.Set(workflowId, metadata);
        return record;
    }

    protected override ValueTask<WorkflowRecord> RenewWorkflowAsync(
        string workflowId,
        WorkflowRecord loaded,
        TimeSpan? idleTimeout,
        CancellationToken cancellationToken
    )
    {
        // Nothing renews a receipt.
        if (idleTimeout is not { } idle || loaded is not { ExpiresAt: { } expiresAt, Receipt: null })
        {
            return ValueTask.FromResult(loaded);
        }

        DateTimeOffset now = _time.GetUtcNow();
        // The deadline is a time of the server.
        DateTimeOffset? deadline = now + (loaded.Deadline - DateTimeOffset.FromUnixTimeMilliseconds(Calls.Clock.Now));
        DateTimeOffset renewed = deadline < now + idle ? deadline.Value : now + idle;
        if (loaded.Claim is { } claim && claim.EndsAt > renewed)
        {
            renewed = claim.EndsAt;
        }

        TimeSpan lifetime = renewed - now;
        TimeSpan left = expiresAt - now;
        if (left >= Protocol.RenewedBelow * lifetime && left <= lifetime + Imprecision)
        {
            return ValueTask.FromResult(loaded);
        }

        Renewal = RenewAsync(workflowId, loaded.Generation, idle);
        return ValueTask.FromResult(
            new WorkflowRecord(loaded.Entries, loaded.Generation, loaded.Version, loaded.LastModified, loaded.Deadline, renewed)
            {
                Claim = loaded.Claim,
            }
        );
    }

    protected override async ValueTask<CommitResult> CommitWorkflowAsync(WorkflowCommit commit, CancellationToken cancellationToken)
    {
        const string Operation = "could not be committed";
        await Calls.ReadyAsync(Operation, commit.WorkflowId, cancellationToken).ConfigureAwait(false);
        long start = Calls.Start();
        string key = _layout.Key(commit.WorkflowId);
        try
        {
            await node.Commits.EnterAsync(key, Calls.Left(start), _time, cancellationToken).ConfigureAwait(false);
        }
        catch (TimeoutException error)
        {
            throw Calls.Errors.Failure(Operation, commit.WorkflowId, mayBeStored: false, error);
        }

        try
        {
            cancellationToken.ThrowIfCancellationRequested();
            CommitMessage message = new(commit, node.Name, node.NextNumber(), _seen.Find(commit.WorkflowId));
            ScriptCall call = new(RedisScript.Commit, [key, _layout.Index], [], Operation, commit.WorkflowId);
            RedisResult[] answer = await Calls.SendAsync(call, message.Arguments, start).ConfigureAwait(false);
            CommitResult? result = message.Result(answer, _time.GetUtcNow(), out WorkflowMetadata? stored);
            _seen.Set(commit.WorkflowId, message.Follows(stored) ? stored : null);
            if (node.Replicas is { } replicas && result?.Outcome == CommitOutcome.Stored)
            {
                // The workflow is still taken: a later commit of this node would replace the record, and prove nothing about this one.
                await replicas.ReceivedAsync(message.Proof(_layout, answer), commit.WorkflowId, start).ConfigureAwait(false);
            }

            return result
                ?? throw RedisErrors.Damaged(
                    commit.WorkflowId,
                    call.MayBeExecuted,
                    new FormatException("The last number of this node is one that it has not used yet.")
                );
        }
        finally
        {
            node.Commits.Leave(key);
        }
    }

    protected override async ValueTask<int> CountWorkflowsAsync(CancellationToken cancellationToken)
    {
        // The commit before has removed from the index what has expired.
        (long indexed, double? record) = await Calls
            .ReadAsync(
                static async (database, index) =>
                {
                    Task<long> counting = database.SortedSetLengthAsync(index, flags: CommandFlags.DemandMaster);
                    Task<double?> scoring = database.SortedSetScoreAsync(index, SessionSecret.WorkflowId, CommandFlags.DemandMaster);
                    await Task.WhenAll(counting, scoring).ConfigureAwait(false);
                    return (await counting.ConfigureAwait(false), await scoring.ConfigureAwait(false));
                },
                _layout.Index,
                "could not be counted",
                workflowId: "",
                cancellationToken
            )
            .ConfigureAwait(false);
        return (int)indexed - (record is null ? 0 : 1);
    }

    protected override async ValueTask<IReadOnlyList<WorkflowSummary>> ListWorkflowsAsync(CancellationToken cancellationToken)
    {
        const string Operation = "could not be listed";
        await Calls.ReadyAsync(Operation, workflowId: "", cancellationToken).ConfigureAwait(false);
        await Calls.KnowTimeAsync(_layout.Index, Operation, workflowId: "").ConfigureAwait(false);
        SessionReader reader = new(Calls, _layout, Operation);
        return await reader.ListAsync(_time.GetUtcNow(), cancellationToken).ConfigureAwait(false);
    }

    /// <summary>
    /// Ends what the index names, and then what began before the first script ended the secret of the session. What begins later finds no secret, and is
    /// taken back. So two rounds are enough.
    /// </summary>
    protected override async ValueTask EndWorkflowsAsync(CancellationToken cancellationToken)
    {
        const string Operation = "could not be ended";
        await Calls.ReadyAsync(Operation, workflowId: "", cancellationToken).ConfigureAwait(false);
        SessionReader reader = new(Calls, _layout, Operation);
        RedisValue[] indexed = await reader.IndexedAsync(cancellationToken).ConfigureAwait(false);
        // The secret is ended also when the index was lost: without it nobody gets at the rest.
        RedisValue[] remaining = await EndAsync([SessionSecret.WorkflowId, .. indexed.Where(id => id != SessionSecret.WorkflowId)])
            .ConfigureAwait(false);
        if (remaining.Length > 0)
        {
            try
            {
                await EndAsync(remaining).ConfigureAwait(false);
            }
            catch (SessionStoreException error) when (!error.MayBeStored)
            {
                throw new SessionStoreException(error.Message, "", mayBeStored: true, error);
            }
        }

        async Task<RedisValue[]> EndAsync(RedisValue[] members)
        {
            RedisValue[] generations = await reader.GenerationsAsync(members, cancellationToken).ConfigureAwait(false);
            RedisKey[] keys = [_layout.Index, .. members.Select(_layout.KeyOf)];
            ScriptCall call = new(RedisScript.End, keys, [], Operation, workflowId: "");
            long start = Calls.Start();
            RedisResult[] answer = await Calls.SendAsync(call, validUntil => [validUntil, .. generations], start).ConfigureAwait(false);
            if (node.Replicas is { } replicas)
            {
                IEnumerable<StoredProof> proofs = members
                    .Zip(generations)
                    .Select(each => new StoredProof(
                        _layout.KeyOf(each.First),
                        WorkflowLayout.MetadataField,
                        metadata => SessionReader.IsOver(metadata, each.Second),
                        _layout.Unused
                    ));
                await Task.WhenAll(proofs.Select(proof => replicas.ReceivedAsync(proof, workflowId: "", start))).ConfigureAwait(false);
            }

            return (RedisValue[])answer[3]!;
        }
    }

    /// <summary>Nobody waits for it: the next load or commit makes good for one that fails.</summary>
    private async Task RenewAsync(string workflowId, long generation, TimeSpan idle)
    {
        RedisValue[] arguments =
        [
            generation.ToString(CultureInfo.InvariantCulture),
            CommitMessage.Milliseconds(idle)!.Value.ToString(CultureInfo.InvariantCulture),
        ];
        ScriptCall call = new(RedisScript.Renew, [_layout.Key(workflowId), _layout.Index], arguments, "could not be renewed", workflowId);
        try
        {
            Calls.Clock.Set(ScriptAnswer.Time((RedisResult[])(await Calls.RunAsync(call, Calls.Start()).ConfigureAwait(false))!));
        }
        catch (SessionStoreException) { }
    }
}
