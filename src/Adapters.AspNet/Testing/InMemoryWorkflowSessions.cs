namespace WorkflowSessions.AspNetCore;

/// <summary>A visitor's session in memory, for unit tests of handlers, controllers and pages that take <see cref="IWorkflowSessions"/>.</summary>
/// <remarks>
/// <para>
/// It runs the code of a real request, without a server: changes are stored by <see cref="NextRequestAsync"/> or <see cref="CommitAsync"/>, and a request
/// that fails stores nothing. Workflows that were opened before <see cref="NextRequestAsync"/> throw <see cref="ObjectDisposedException"/> after it.
/// </para>
/// <para>A clock of the test goes into the options. Not thread-safe.</para>
/// </remarks>
public sealed class InMemoryWorkflowSessions : IWorkflowSessions
{
    private readonly TestVisitor _visitor;

    // Null until something is used, so that it takes the cookie that is there then.
    private TestRequest? _request;

    /// <summary>Begins a visit without a session.</summary>
    /// <param name="options">The options, with the clock of the test; null for the defaults.</param>
    /// <remarks>Values are verified, as in Development, unless <see cref="BufferedSessionStoreOptions.VerifyValues"/> is false.</remarks>
    /// <exception cref="ArgumentException">An option is out of range.</exception>
    public InMemoryWorkflowSessions(InMemorySessionStoreOptions? options = null)
        : this(new TestVisitor(options)) { }

    private InMemoryWorkflowSessions(TestVisitor visitor) => _visitor = visitor;

    /// <summary>How often <c>RegenerateIdAsync</c> succeeded in this tab.</summary>
    public int Regenerations { get; private set; }

    /// <summary>Whether the session was ended in this tab, and nothing was opened in it since.</summary>
    public bool HasEnded { get; private set; }

    private IWorkflowSessions Current => (_request ??= _visitor.BeginRequest()).Sessions;

    /// <summary>Stores what an earlier request of the visitor stored, so that the test begins in the middle of a workflow.</summary>
    /// <param name="workflowId">The id of the workflow.</param>
    /// <param name="change">Sets the entries.</param>
    /// <param name="cancellationToken">Cancels the wait.</param>
    /// <remarks>In the middle of a request it is a parallel request of the same visitor.</remarks>
    /// <exception cref="ArgumentNullException"><paramref name="change"/> is null.</exception>
    /// <exception cref="InvalidOperationException">The current request began without a session.</exception>
    /// <exception cref="WorkflowSessionException">It can't be stored.</exception>
    public async ValueTask ArrangeAsync(string workflowId, Action<WorkflowSession> change, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(change);
        if (_request is not null)
        {
            ThrowIfNoSession("ArrangeAsync()");
        }

        InMemoryWorkflowSessions other = new(_visitor);
        change(await other.OpenAsync(workflowId, cancellationToken).ConfigureAwait(false));
        await other.NextRequestAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Opens another tab of the same browser: its requests belong to the same session and run in parallel to those of this one.</summary>
    /// <exception cref="InvalidOperationException">No response has begun a session yet, so that two tabs would begin two.</exception>
    public InMemoryWorkflowSessions NewTab()
    {
        ThrowIfNoSession("NewTab()");
        return new InMemoryWorkflowSessions(_visitor);
    }

    /// <summary>Lets the next commit of a workflow fail, once, with a <see cref="SessionStoreException"/>.</summary>
    /// <param name="mayBeStored">
    /// The <see cref="SessionStoreException.MayBeStored"/> of the exception. When true, the changes are stored and only the answer is lost. When false, they are
    /// not stored.
    /// </param>
    public void FailNextCommit(bool mayBeStored = false) => _visitor.Store.FailNextCommit(mayBeStored);

    /// <summary>Ends the request as the middleware does, and begins the next one. The next one begins also when the commit fails.</summary>
    /// <param name="cancellationToken">Cancels the wait.</param>
    /// <exception cref="SessionStoreException">A workflow could not be stored: the client of a real request gets 503.</exception>
    /// <exception cref="WorkflowConflictException">A workflow has ended or expired since it was opened: the client of a real request gets 409.</exception>
    public async ValueTask NextRequestAsync(CancellationToken cancellationToken = default)
    {
        if (_request is { } ending)
        {
            _request = null;
            await ending.EndAsync(_visitor, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <inheritdoc />
    public ValueTask<WorkflowSession> OpenAsync(string workflowId, CancellationToken cancellationToken = default)
    {
        HasEnded = false;
        return Current.OpenAsync(workflowId, cancellationToken);
    }

    /// <inheritdoc />
    public ValueTask<IReadOnlyList<WorkflowSummary>> ListAsync(CancellationToken cancellationToken = default) =>
        Current.ListAsync(cancellationToken);

    /// <inheritdoc />
    public ValueTask CommitAsync(CancellationToken cancellationToken = default) => Current.CommitAsync(cancellationToken);

    /// <inheritdoc />
    public void DiscardChanges() => Current.DiscardChanges();

    /// <inheritdoc />
    public async ValueTask RegenerateIdAsync(CancellationToken cancellationToken = default)
    {
        await Current.RegenerateIdAsync(cancellationToken).ConfigureAwait(false);
        Regenerations++;
    }

    /// <inheritdoc />
    public async ValueTask RegenerateIdAsync(string userId, CancellationToken cancellationToken = default)
    {
        await Current.RegenerateIdAsync(userId, cancellationToken).ConfigureAwait(false);
        Regenerations++;
    }

    /// <inheritdoc />
    public async ValueTask EndSessionAsync(CancellationToken cancellationToken = default)
    {
        await Current.EndSessionAsync(cancellationToken).ConfigureAwait(false);
        HasEnded = true;
    }

    private void ThrowIfNoSession(string call)
    {
        if (!_visitor.HasCookie)
        {
            throw new InvalidOperationException(
                $"The visitor has no session yet, and {call} would begin another one beside that of the current request. "
                    + "Store something first, with ArrangeAsync() before the first request or with NextRequestAsync()."
            );
        }
    }
}
