namespace WorkflowSessions;

/// <summary>Sessions in the memory of this process, by the same rules as on a server. They end with the process.</summary>
/// <remarks>
/// Thread-safe. Expired workflows are gone at once for whoever looks, and their memory is freed step by step as others commit; there is no
/// timer. Nothing is ever removed to make room.
/// </remarks>
public sealed class InMemorySessionStoreFactory : ISessionStoreFactory
{
    // Two sessions per commit: memory of the expired is freed faster than that of the new is taken.
    private const int ExaminedPerCommit = 2;

    private static readonly SessionStoreCapabilities InMemoryCapabilities = new()
    {
        AtomicCommit = true,
        VersionCheck = true,
        Listing = true,
        ExpiryPerWorkflow = true,
        Completion = true,
    };

    private readonly InMemorySessionTable _sessions;
    private readonly InMemorySessionStoreOptions _options;
    private StoreFailure? _nextFailure;

    /// <summary>Creates an empty store.</summary>
    /// <param name="options">The options; null for the defaults.</param>
    /// <exception cref="ArgumentException">An option is out of range.</exception>
    public InMemorySessionStoreFactory(InMemorySessionStoreOptions? options = null)
    {
        _options = options ?? new InMemorySessionStoreOptions();
        _options.ThrowIfInvalid(nameof(options));
        _sessions = new InMemorySessionTable(_options);
    }

    internal InMemorySessionTable Sessions => _sessions;

    private DateTimeOffset Now => _options.TimeProvider.GetUtcNow();

    /// <inheritdoc />
    public BufferedSessionStore Open(string sessionId)
    {
        NameRules.ThrowIfInvalidSessionId(sessionId);
        return new InMemorySessionStore(this, sessionId, _options);
    }

    /// <summary>For tests: lets the next commit of a workflow, in any session, fail once with a <see cref="SessionStoreException"/>.</summary>
    /// <param name="mayBeStored">
    /// The <see cref="SessionStoreException.MayBeStored"/> of the exception. When true, the changes are stored and only the answer is lost. When false, they are
    /// not stored.
    /// </param>
    /// <remarks>A call replaces an earlier one that has not been used. Beginning a session and replacing its secret are not commits of a workflow.</remarks>
    public void FailNextCommit(bool mayBeStored = false) => Volatile.Write(ref _nextFailure, new StoreFailure(mayBeStored));

    private WorkflowRecord? Load(string sessionId, string workflowId)
    {
        if (!_sessions.TryGet(sessionId, out InMemorySession? session))
        {
            return null;
        }

        lock (session)
        {
            return InMemorySessionTable.Live(session.Workflows.GetValueOrDefault(workflowId), Now);
        }
    }

    private WorkflowRecord Renew(string sessionId, string workflowId, WorkflowRecord loaded, TimeSpan? idleTimeout)
    {
        DateTimeOffset now = Now;
        if (_sessions.TryGet(sessionId, out InMemorySession? session))
        {
            lock (session)
            {
                // What others committed or ended since stays as it is.
                if (InMemorySessionTable.Live(session.Workflows.GetValueOrDefault(workflowId), now) is { } stored)
                {
                    _sessions.Put(session, workflowId, stored.Renew(now, idleTimeout));
                }
            }
        }

        return loaded.Renew(now, idleTimeout);
    }

    private CommitResult CommitOrFail(string sessionId, WorkflowCommit commit)
    {
        if (
            _nextFailure is null
            || string.Equals(commit.WorkflowId, SessionSecret.WorkflowId, StringComparison.Ordinal)
            || Interlocked.Exchange(ref _nextFailure, null) is not { } failure
        )
        {
            return Commit(sessionId, commit);
        }

        if (failure.MayBeStored)
        {
            _ = Commit(sessionId, commit);
        }

        throw new SessionStoreException(
            $"Workflow '{commit.WorkflowId}' could not be committed, because the test called {nameof(FailNextCommit)}().",
            commit.WorkflowId,
            failure.MayBeStored
        );
    }

    private CommitResult Commit(string sessionId, WorkflowCommit commit)
    {
        _sessions.FreeExpired(ExaminedPerCommit);
        while (true)
        {
            if (!_sessions.TryGet(sessionId, out InMemorySession? session))
            {
                if (_sessions.TryBegin(sessionId, commit) is { } result)
                {
                    return result;
                }

                continue;
            }

            lock (session)
            {
                // Freed between the look-up and the lock: what would be written into it now, nobody would find.
                if (session.IsFreed)
                {
                    continue;
                }

                DateTimeOffset now = Now;
                CommitResult applied = commit.Apply(
                    InMemorySessionTable.Live(session.Workflows.GetValueOrDefault(commit.WorkflowId), now),
                    now,
                    out WorkflowRecord? next
                );
                _sessions.Put(session, commit.WorkflowId, next);
                return applied;
            }
        }
    }

    private int CountWorkflows(string sessionId)
    {
        if (!_sessions.TryGet(sessionId, out InMemorySession? session))
        {
            return 0;
        }

        lock (session)
        {
            DateTimeOffset now = Now;
            return session.Workflows.Count(workflow =>
                !string.Equals(workflow.Key, SessionSecret.WorkflowId, StringComparison.Ordinal)
                && InMemorySessionTable.Live(workflow.Value, now) is not null
            );
        }
    }

    private List<WorkflowSummary> List(string sessionId)
    {
        List<WorkflowSummary> workflows = [];
        if (_sessions.TryGet(sessionId, out InMemorySession? session))
        {
            lock (session)
            {
                DateTimeOffset now = Now;
                foreach ((string id, WorkflowRecord record) in session.Workflows)
                {
                    if (InMemorySessionTable.Live(record, now) is { Entries.Count: > 0 })
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
        if (_sessions.TryGet(sessionId, out InMemorySession? session))
        {
            lock (session)
            {
                session.Workflows.Clear();
                _sessions.FreeIfEmpty(session);
            }
        }
    }

    private sealed record StoreFailure(bool MayBeStored);

    private sealed class InMemorySessionStore(InMemorySessionStoreFactory factory, string sessionId, BufferedSessionStoreOptions options)
        : BufferedSessionStore(options)
    {
        public override SessionStoreCapabilities Capabilities => InMemoryCapabilities;

        protected internal override string SessionHash => HashSessionId(sessionId);

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
        ) => ValueTask.FromResult(factory.CommitOrFail(sessionId, commit));

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
