using System.Collections.Concurrent;

namespace WorkflowSessions;

/// <summary>Sessions in the memory of this process, by the same rules as on a server. They end with the process.</summary>
/// <remarks>
/// Thread-safe. Expired workflows are gone at once for whoever looks, and their memory is freed step by step as others commit; there is no
/// timer. Nothing is ever removed to make room.
/// </remarks>
public sealed class InMemorySessionStoreFactory : ISessionStoreFactory
{
    // Two sessions looked at per commit: memory of the expired is freed faster than that of the new is taken.
    private const int SweptPerCommit = 2;

    private static readonly SessionStoreCapabilities InMemoryCapabilities = new()
    {
        Buffered = true,
        AtomicCommit = true,
        VersionCheck = true,
        Listing = true,
        ExpiryPerWorkflow = true,
    };

    private readonly ConcurrentDictionary<string, Session> _sessions = new(StringComparer.Ordinal);
    private readonly InMemorySessionStoreOptions _options;
    private readonly Lock _sweep = new();
    private IEnumerator<KeyValuePair<string, Session>>? _sweeper;
    private int _count;

    /// <summary>Creates an empty store.</summary>
    /// <param name="options">The options; null for the defaults.</param>
    /// <exception cref="ArgumentException">An option is out of range.</exception>
    public InMemorySessionStoreFactory(InMemorySessionStoreOptions? options = null)
    {
        _options = options ?? new InMemorySessionStoreOptions();
        _options.ThrowIfInvalid(nameof(options));
    }

    /// <summary>The number of sessions in memory, those included that have expired and not been freed yet.</summary>
    internal int Count => Volatile.Read(ref _count);

    private DateTimeOffset Now => _options.TimeProvider.GetUtcNow();

    /// <inheritdoc />
    public ISessionStore Open(string sessionId)
    {
        ArgumentException.ThrowIfNullOrEmpty(sessionId);
        return new InMemorySessionStore(this, sessionId, _options);
    }

    private static WorkflowRecord? Live(WorkflowRecord? record, DateTimeOffset now) => record?.ExpiresAt <= now ? null : record;

    private WorkflowRecord? Load(string sessionId, string workflowId)
    {
        if (!_sessions.TryGetValue(sessionId, out Session? session))
        {
            return null;
        }

        lock (session)
        {
            return Live(session.Workflows.GetValueOrDefault(workflowId), Now);
        }
    }

    private WorkflowRecord Renew(string sessionId, string workflowId, WorkflowRecord loaded, TimeSpan? idleTimeout)
    {
        DateTimeOffset now = Now;
        if (_sessions.TryGetValue(sessionId, out Session? session))
        {
            lock (session)
            {
                // What others committed or ended since stays as it is.
                if (Live(session.Workflows.GetValueOrDefault(workflowId), now) is { } stored)
                {
                    session.Put(workflowId, stored.Renew(now, idleTimeout));
                }
            }
        }

        return loaded.Renew(now, idleTimeout);
    }

    private CommitResult Commit(string sessionId, WorkflowCommit commit)
    {
        Sweep(SweptPerCommit);
        while (true)
        {
            if (!_sessions.ContainsKey(sessionId))
            {
                // What leaves nothing behind needs no room.
                CommitResult result = commit.Apply(stored: null, Now, out WorkflowRecord? created);
                if (created is null)
                {
                    return result;
                }
            }

            Session session = Take(sessionId, commit.WorkflowId);
            lock (session)
            {
                // Freed between the look-up and the lock: what would be written into it now, nobody would find.
                if (session.IsFreed)
                {
                    continue;
                }

                DateTimeOffset now = Now;
                CommitResult applied = commit.Apply(
                    Live(session.Workflows.GetValueOrDefault(commit.WorkflowId), now),
                    now,
                    out WorkflowRecord? next
                );
                session.Put(commit.WorkflowId, next);
                FreeIfEmpty(sessionId, session);
                return applied;
            }
        }
    }

    private int CountWorkflows(string sessionId)
    {
        if (!_sessions.TryGetValue(sessionId, out Session? session))
        {
            return 0;
        }

        lock (session)
        {
            DateTimeOffset now = Now;
            return session.Workflows.Count(workflow =>
                !string.Equals(workflow.Key, SessionRecord.WorkflowId, StringComparison.Ordinal) && Live(workflow.Value, now) is not null
            );
        }
    }

    private List<WorkflowSummary> List(string sessionId)
    {
        List<WorkflowSummary> workflows = [];
        if (_sessions.TryGetValue(sessionId, out Session? session))
        {
            lock (session)
            {
                DateTimeOffset now = Now;
                foreach ((string id, WorkflowRecord record) in session.Workflows)
                {
                    if (Live(record, now) is { Entries.Count: > 0 })
                    {
                        workflows.Add(new WorkflowSummary(id, record.ExpiresAt));
                    }
                }
            }
        }

        return workflows;
    }

    private void End(string sessionId)
    {
        if (_sessions.TryGetValue(sessionId, out Session? session))
        {
            lock (session)
            {
                session.Workflows.Clear();
                FreeIfEmpty(sessionId, session);
            }
        }
    }

    private Session Take(string sessionId, string workflowId)
    {
        if (_sessions.TryGetValue(sessionId, out Session? session))
        {
            return session;
        }

        int limit = _options.MaxSessions ?? int.MaxValue;
        if (Interlocked.Increment(ref _count) > limit)
        {
            Interlocked.Decrement(ref _count);
            Sweep(int.MaxValue);
            if (Interlocked.Increment(ref _count) > limit)
            {
                Interlocked.Decrement(ref _count);
                throw new WorkflowLimitException(
                    $"Workflow '{workflowId}' would begin one more session than the {limit} that {nameof(InMemorySessionStoreOptions.MaxSessions)} allows. "
                        + "End sessions that are over, shorten the idle timeout, or raise the limit.",
                    workflowId
                );
            }
        }

        session = new Session();
        Session winner = _sessions.GetOrAdd(sessionId, session);
        if (!ReferenceEquals(winner, session))
        {
            Interlocked.Decrement(ref _count);
        }

        return winner;
    }

    /// <summary>Frees what has expired, going on where the last call stopped.</summary>
    private void Sweep(int most)
    {
        if (!_sweep.TryEnter())
        {
            return;
        }

        try
        {
            if (most == int.MaxValue)
            {
                _sweeper = null;
            }

            _sweeper ??= _sessions.GetEnumerator();
            for (int i = 0; i < most; i++)
            {
                if (!_sweeper.MoveNext())
                {
                    _sweeper = null;
                    return;
                }

                (string sessionId, Session session) = _sweeper.Current;
                lock (session)
                {
                    DateTimeOffset now = Now;
                    foreach (
                        string id in session
                            .Workflows.Where(workflow => Live(workflow.Value, now) is null)
                            .Select(workflow => workflow.Key)
                            .ToList()
                    )
                    {
                        session.Workflows.Remove(id);
                    }

                    FreeIfEmpty(sessionId, session);
                }
            }
        }
        finally
        {
            _sweep.Exit();
        }
    }

    private void FreeIfEmpty(string sessionId, Session session)
    {
        if (session.Workflows.Count == 0 && !session.IsFreed)
        {
            session.IsFreed = true;
            _sessions.TryRemove(new KeyValuePair<string, Session>(sessionId, session));
            Interlocked.Decrement(ref _count);
        }
    }

    /// <summary>The workflows of one session. It is its own lock.</summary>
    private sealed class Session
    {
        public Dictionary<string, WorkflowRecord> Workflows { get; } = new(StringComparer.Ordinal);

        public bool IsFreed { get; set; }

        public void Put(string workflowId, WorkflowRecord? record)
        {
            if (record is null)
            {
                Workflows.Remove(workflowId);
            }
            else
            {
                Workflows[workflowId] = record;
            }
        }
    }

    private sealed class InMemorySessionStore(InMemorySessionStoreFactory factory, string sessionId, BufferedSessionStoreOptions options)
        : BufferedSessionStore(options)
    {
        public override SessionStoreCapabilities Capabilities => InMemoryCapabilities;

        protected internal override ValueTask<WorkflowRecord?> LoadWorkflowAsync(string workflowId, CancellationToken cancellationToken) =>
            ValueTask.FromResult(factory.Load(sessionId, workflowId));

        protected internal override ValueTask<WorkflowRecord> RenewWorkflowAsync(
            string workflowId,
            WorkflowRecord loaded,
            TimeSpan? idleTimeout,
            CancellationToken cancellationToken
        ) => ValueTask.FromResult(factory.Renew(sessionId, workflowId, loaded, idleTimeout));

        protected internal override ValueTask<CommitResult> CommitWorkflowAsync(
            WorkflowCommit commit,
            CancellationToken cancellationToken
        ) => ValueTask.FromResult(factory.Commit(sessionId, commit));

        protected override ValueTask<IReadOnlyList<WorkflowSummary>> ListWorkflowsAsync(CancellationToken cancellationToken) =>
            ValueTask.FromResult<IReadOnlyList<WorkflowSummary>>(factory.List(sessionId));

        protected internal override ValueTask<int> CountWorkflowsAsync(CancellationToken cancellationToken) =>
            ValueTask.FromResult(factory.CountWorkflows(sessionId));

        protected override ValueTask EndWorkflowsAsync(CancellationToken cancellationToken)
        {
            factory.End(sessionId);
            return ValueTask.CompletedTask;
        }
    }
}
