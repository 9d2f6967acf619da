namespace WorkflowSessions.AspNetCore;

/// <summary>A session in memory for unit tests of handlers, controllers and pages that take <see cref="IWorkflowSessions"/>.</summary>
/// <remarks>
/// It follows the rules of a session in a request, without a request: nothing is stored before <see cref="NextRequestAsync"/> or
/// <see cref="CommitAsync"/>. A clock of the test goes into the options. Not thread-safe.
/// </remarks>
public sealed class InMemoryWorkflowSessions : IWorkflowSessions
{
    private const string SessionId = "session";

    private readonly InMemorySessionStoreFactory _stores;
    private readonly Dictionary<string, WorkflowSession> _opened = new(StringComparer.Ordinal);
    private ISessionStore _store;

    /// <summary>Begins an empty session.</summary>
    /// <param name="options">The options, with the clock of the test; null for the defaults.</param>
    /// <exception cref="ArgumentException">An option is out of range.</exception>
    public InMemoryWorkflowSessions(InMemorySessionStoreOptions? options = null)
    {
        _stores = new InMemorySessionStoreFactory(options);
        _store = _stores.Open(SessionId);
    }

    /// <summary>How often <c>RegenerateIdAsync</c> was called.</summary>
    public int Regenerations { get; private set; }

    /// <summary>Whether the session was ended, and nothing was opened since.</summary>
    public bool HasEnded { get; private set; }

    /// <summary>Ends the request as the middleware does: what changed is committed, and what is opened next is loaded anew.</summary>
    /// <param name="cancellationToken">Cancels the wait.</param>
    /// <exception cref="WorkflowConflictException">A workflow has ended or expired since it was opened.</exception>
    public async ValueTask NextRequestAsync(CancellationToken cancellationToken = default)
    {
        await CommitAsync(cancellationToken).ConfigureAwait(false);
        DiscardChanges();
    }

    /// <inheritdoc />
    public void DiscardChanges()
    {
        _opened.Clear();
        _store = _stores.Open(SessionId);
    }

    /// <inheritdoc />
    public async ValueTask<WorkflowSession> OpenAsync(string workflowId, CancellationToken cancellationToken = default)
    {
        HasEnded = false;
        ScopedWorkflowSessions.ThrowIfReserved(workflowId);
        if (!_opened.TryGetValue(workflowId, out WorkflowSession? workflow))
        {
            workflow = new WorkflowSession(_store, workflowId);
            await workflow.LoadAsync(cancellationToken).ConfigureAwait(false);
            _opened[workflowId] = workflow;
        }

        return workflow;
    }

    /// <inheritdoc />
    public ValueTask<IReadOnlyList<WorkflowSummary>> ListAsync(CancellationToken cancellationToken = default) =>
        _store.ListAsync(cancellationToken);

    /// <inheritdoc />
    public async ValueTask CommitAsync(CancellationToken cancellationToken = default)
    {
        foreach (WorkflowSession workflow in _opened.Values)
        {
            await workflow.CommitAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    /// <inheritdoc />
    public ValueTask RegenerateIdAsync(CancellationToken cancellationToken = default)
    {
        Regenerations++;
        return ValueTask.CompletedTask;
    }

    /// <inheritdoc />
    public ValueTask RegenerateIdAsync(string userId, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(userId);
        return RegenerateIdAsync(cancellationToken);
    }

    /// <inheritdoc />
    public async ValueTask EndSessionAsync(CancellationToken cancellationToken = default)
    {
        await _store.EndAsync(cancellationToken).ConfigureAwait(false);
        _opened.Clear();
        HasEnded = true;
    }
}
