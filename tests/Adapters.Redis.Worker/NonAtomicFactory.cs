using System.Globalization;
using StackExchange.Redis;

namespace WorkflowSessions.Redis.Worker;

/// <summary>
/// A store that is broken on purpose: it reads a workflow, applies the commit here, and writes the whole of it, as those do who keep one blob.
/// What it stores is otherwise the same. Trials that pass on it show nothing.
/// </summary>
public sealed class NonAtomicFactory(IConnectionMultiplexer connection) : ISessionStoreFactory
{
    /// <summary>Runs between reading and writing of the next commit; the commit fails unless it answers "done".</summary>
    public Func<Task<string>>? Between { get; set; }

    public BufferedSessionStore Open(string sessionId) => new Store(this, connection.GetDatabase(), sessionId);

    private sealed class Store(NonAtomicFactory factory, IDatabase database, string sessionId)
        : BufferedSessionStore(new BufferedSessionStoreOptions())
    {
        public override SessionStoreCapabilities Capabilities { get; } = new() { AtomicCommit = true, VersionCheck = true };

        protected override async ValueTask<WorkflowRecord?> LoadWorkflowAsync(string workflowId, CancellationToken cancellationToken)
        {
            HashEntry[] fields = await database.HashGetAllAsync(Key(workflowId));
            if (fields.Length == 0)
            {
                return null;
            }

            Dictionary<string, WorkflowEntry> entries = fields
                .Where(field => ((string)field.Name!)[0] == '.')
                .ToDictionary(
                    field => ((string)field.Name!)[1..],
                    field => new WorkflowEntry((byte[])field.Value!),
                    StringComparer.Ordinal
                );
            long[] numbers =
            [
                .. ((string)fields.Single(field => field.Name == "#").Value!)
                    .Split(' ')
                    .Select(number => long.Parse(number, CultureInfo.InvariantCulture)),
            ];
            return new WorkflowRecord(entries, numbers[0], numbers[1], DateTimeOffset.UnixEpoch, null, null);
        }

        protected override async ValueTask<CommitResult> CommitWorkflowAsync(WorkflowCommit commit, CancellationToken cancellationToken)
        {
            WorkflowRecord? stored = await LoadWorkflowAsync(commit.WorkflowId, cancellationToken);
            CommitResult result = commit.Apply(stored, DateTimeOffset.UnixEpoch, out WorkflowRecord? next);
            if (factory.Between is { } between)
            {
                factory.Between = null;
                string answer = await between();
                if (answer != "done")
                {
                    throw new InvalidOperationException(answer);
                }
            }

            if (result.Outcome == CommitOutcome.Stored)
            {
                RedisKey key = Key(commit.WorkflowId);
                await database.KeyDeleteAsync(key);
                if (next is not null)
                {
                    await database.HashSetAsync(
                        key,
                        [
                            new HashEntry("#", $"{next.Generation} {next.Version} 0 0"),
                            .. next.Entries.Select(entry => new HashEntry($".{entry.Key}", entry.Value.Encoded.ToArray())),
                        ]
                    );
                    await database.KeyExpireAsync(key, TimeSpan.FromMinutes(1));
                }
            }

            return result;
        }

        protected override ValueTask<IReadOnlyList<WorkflowSummary>> ListWorkflowsAsync(CancellationToken cancellationToken) =>
            throw new NotSupportedException();

        protected override ValueTask EndWorkflowsAsync(CancellationToken cancellationToken) => throw new NotSupportedException();

        private RedisKey Key(string workflowId) => $"{sessionId}:{workflowId}";
    }
}
