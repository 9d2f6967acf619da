using StackExchange.Redis;

namespace WorkflowSessions.Redis;

/// <summary>Reads the index of a session, and the workflows that it names.</summary>
internal sealed class SessionReader(RedisCalls calls, WorkflowLayout layout, string operation)
{
    private static readonly RedisValue Unreadable = "?";

    /// <summary>The members of the index, which after damage can be any bytes.</summary>
    public Task<RedisValue[]> IndexedAsync(CancellationToken cancellationToken) =>
        calls.ReadAsync(
            static (database, index) => database.SortedSetRangeByRankAsync(index, flags: CommandFlags.DemandMaster),
            layout.Index,
            operation,
            workflowId: "",
            cancellationToken
        );

    /// <summary>The workflows that have entries and have not expired.</summary>
    public async Task<IReadOnlyList<WorkflowSummary>> ListAsync(DateTimeOffset now, CancellationToken cancellationToken)
    {
        List<WorkflowSummary> workflows = [];
        RedisValue[] members = [.. (await IndexedAsync(cancellationToken).ConfigureAwait(false)).Where(Names)];
        if (members.Length == 0)
        {
            return workflows;
        }

        Task<RedisValue[][]> naming = OfEachAsync(
            members,
            static (database, key) => database.HashKeysAsync(key, CommandFlags.DemandMaster),
            cancellationToken
        );
        RedisValue[] metadata = await OfEachAsync(members, Metadata, cancellationToken).ConfigureAwait(false);
        RedisValue[][] fields = await naming.ConfigureAwait(false);
        long serverTime = calls.Clock.Now;
        for (int i = 0; i < members.Length; i++)
        {
            // A workflow that can't be read is listed too: a load tells why.
            WorkflowMetadata? workflow = TryParse(metadata[i]);
            if (Array.Exists(fields[i], WorkflowLayout.IsEntry) && workflow?.IsOver(serverTime) != true)
            {
                DateTimeOffset? expiresAt = workflow is { } live ? now.AddMilliseconds(live.Expires - serverTime) : null;
                workflows.Add(new WorkflowSummary(WorkflowLayout.WorkflowIdOf(members[i])!, expiresAt));
            }
        }

        return workflows;

        static bool Names(RedisValue member) => WorkflowLayout.WorkflowIdOf(member) is not null;
    }

    /// <summary>The generation of each workflow, as Scripts/end.lua takes it.</summary>
    public Task<RedisValue[]> GenerationsAsync(RedisValue[] members, CancellationToken cancellationToken) =>
        OfEachAsync(
            members,
            static async (database, key) =>
            {
                try
                {
                    RedisValue metadata = await Metadata(database, key).ConfigureAwait(false);
                    return metadata.IsNull && !await database.KeyExistsAsync(key, CommandFlags.DemandMaster).ConfigureAwait(false)
                            ? RedisValue.EmptyString
                        : TryParse(metadata) is { } workflow ? workflow.Generation
                        : Unreadable;
                }
                catch (RedisServerException error) when (RedisErrors.IsOfAnotherType(error))
                {
                    return Unreadable;
                }
            },
            cancellationToken
        );

    /// <summary>Whether a workflow is over in the generation that was read before.</summary>
    public static bool IsOver(RedisValue metadata, RedisValue generation) =>
        TryParse(metadata) is not { HasContent: true } workflow || workflow.Generation != generation;

    private static Task<RedisValue> Metadata(IDatabase database, RedisKey key) =>
        database.HashGetAsync(key, WorkflowLayout.MetadataField, CommandFlags.DemandMaster);

    private static WorkflowMetadata? TryParse(RedisValue metadata)
    {
        try
        {
            return metadata.IsNull ? null : WorkflowMetadata.Parse((byte[])metadata!);
        }
        catch (FormatException)
        {
            return null;
        }
    }

    /// <summary>Asks something of the key of each member. All is sent before the first answer comes.</summary>
    private Task<T[]> OfEachAsync<T>(
        RedisValue[] members,
        Func<IDatabase, RedisKey, Task<T>> command,
        CancellationToken cancellationToken
    ) =>
        calls.ReadAsync(
            static (database, each) => Task.WhenAll(each.Keys.Select(key => each.Command(database, key))),
            (Keys: members.Select(layout.KeyOf).ToArray(), Command: command),
            operation,
            workflowId: "",
            cancellationToken
        );
}
