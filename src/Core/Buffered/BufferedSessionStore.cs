namespace WorkflowSessions;

/// <summary>
/// The base of stores that load a workflow, let the code work on it in memory, and commit what changed. It owns the buffer, the change
/// tracking, the encoding and the limits; a derived store only loads one workflow, applies one <see cref="WorkflowCommit"/>, lists and ends.
/// </summary>
/// <remarks>Not thread-safe: it belongs to one request and one thread at a time.</remarks>
public abstract partial class BufferedSessionStore : ISessionStore, IDisposable
{
    private readonly Dictionary<string, BufferedWorkflowEntries> _workflows = new(StringComparer.Ordinal);
    private volatile string? _readOnlyReason;
    private volatile bool _disposed;

    /// <summary>Creates the store of one session.</summary>
    /// <param name="options">The options, which many stores share, and which their factory has checked.</param>
    /// <exception cref="ArgumentNullException"><paramref name="options"/> is null.</exception>
    protected BufferedSessionStore(BufferedSessionStoreOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        Options = options;
    }

    /// <summary>Who may use the session, for those who keep sessions behind a cookie. Nobody else needs it.</summary>
    public SessionSecret Secret => field ??= new SessionSecret(this);

    internal BufferedSessionStoreOptions Options { get; }

    internal StoreCalls Calls => field ??= new StoreCalls(this);

    /// <summary>The secret that must be the current one when a workflow is loaded; empty where none is needed.</summary>
    internal ReadOnlyMemory<byte> RequiredSecret { get; private set; }

    internal bool IsDisposed => _disposed;

    /// <summary>Whether the session is new, and nobody outside this request can know it yet.</summary>
    internal bool IsUnknownToOthers { get; private set; }

    /// <summary>Whether nothing can be stored of the session yet.</summary>
    internal bool HasNothingStored { get; set; }

    /// <summary>What must be done before a workflow is committed; null when it is done, or there is nothing.</summary>
    internal Func<CancellationToken, ValueTask>? BeginSession { get; set; }

    /// <summary>
    /// Declares that the session is new, as when its id has just been made: nothing can be stored of it, so that loads need no round trip until something
    /// is committed.
    /// </summary>
    /// <param name="begin">
    /// What begins the session, as with <see cref="SessionSecret.BeginAsync(ReadOnlyMemory{byte}, CancellationToken)"/>. It runs before the first commit of a workflow; when it throws, that is not
    /// committed, and it runs again before the next.
    /// </param>
    /// <exception cref="ArgumentNullException"><paramref name="begin"/> is null.</exception>
    public void BeginOnFirstCommit(Func<CancellationToken, ValueTask> begin)
    {
        ArgumentNullException.ThrowIfNull(begin);
        BeginSession = begin;
        HasNothingStored = true;
        IsUnknownToOthers = true;
    }

    /// <summary>
    /// Declares which secret must be the current one of the <see cref="Secret"/>. Every load of a workflow then reads that, too, in the same round
    /// trip, and is refused when the secret was replaced or the session has ended.
    /// </summary>
    /// <param name="secret">The secret: at least 16 random bytes.</param>
    /// <remarks>
    /// A workflow that begins in a session that has ended meanwhile is refused as well. Refusals are <see cref="WorkflowConflictException"/>, with the reason
    /// <see cref="WorkflowConflictReason.StaleSession"/> or <see cref="WorkflowConflictReason.Ended"/>.
    /// </remarks>
    /// <exception cref="ArgumentException"><paramref name="secret"/> is shorter than 16 bytes.</exception>
    public void RequireSecret(ReadOnlyMemory<byte> secret)
    {
        if (secret.Length < 16)
        {
            throw new ArgumentException("A secret has at least 16 bytes; take them from RandomNumberGenerator.", nameof(secret));
        }

        RequiredSecret = secret;
        IsUnknownToOthers = false;
    }

    /// <summary>Checks the secret now, as a load does: one round trip, none where no secret is required.</summary>
    /// <param name="cancellationToken">Cancels the wait.</param>
    /// <exception cref="WorkflowConflictException">The secret is not the current one, or the session has ended.</exception>
    /// <exception cref="SessionStoreException">The store could not load the secret.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public ValueTask VerifySecretAsync(CancellationToken cancellationToken = default)
    {
        ThrowIfDisposed();
        return Calls.VerifyAsync(SessionSecret.WorkflowId, cancellationToken);
    }

    /// <summary>
    /// Refuses changes and commits of all workflows that are opened here from now on, with an <see cref="InvalidOperationException"/>. They can still be
    /// loaded and read.
    /// </summary>
    /// <param name="reason">Why, and what to do instead: the message of the exception.</param>
    /// <exception cref="ArgumentException"><paramref name="reason"/> is null or empty.</exception>
    public void MakeReadOnly(string reason)
    {
        ArgumentException.ThrowIfNullOrEmpty(reason);
        _readOnlyReason = reason;
    }

    /// <summary>
    /// Hands the workflows that were opened here over to another session, with what was set in them and is not committed. Whatever was loaded, deleted, cleared
    /// or ended stays behind.
    /// </summary>
    /// <param name="next">The other session.</param>
    /// <returns>The workflows that were loaded. Load them again, for what the other session has stored of them.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="next"/> is null.</exception>
    /// <exception cref="InvalidOperationException">A workflow is in <c>UpdateAsync</c>. Nothing was handed over.</exception>
    public IReadOnlyList<IWorkflowEntries> MoveWorkflowsTo(BufferedSessionStore next)
    {
        ArgumentNullException.ThrowIfNull(next);
        foreach (BufferedWorkflowEntries entries in _workflows.Values)
        {
            entries.ThrowIfUpdating();
        }

        List<IWorkflowEntries> loaded = [];
        foreach ((string id, BufferedWorkflowEntries entries) in _workflows)
        {
            if (entries.IsLoaded)
            {
                loaded.Add(entries);
            }

            entries.MoveTo(next);
            next._workflows[id] = entries;
        }

        _workflows.Clear();
        return loaded;
    }

    /// <summary>
    /// Ends the use of this object, not the session: every member of it and of its workflows throws <see cref="ObjectDisposedException"/>, and nothing is
    /// read or stored any more. May be called on any thread.
    /// </summary>
    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <inheritdoc />
    /// <exception cref="ArgumentException">
    /// The id is null, empty, too long, has a lone surrogate, or is <c>$session</c>, which is the session's own.
    /// </exception>
    /// <exception cref="WorkflowLimitException">This request has opened as many workflows as <see cref="BufferedSessionStoreOptions.MaxWorkflows"/> allows.</exception>
    public IWorkflowEntries Open(string workflowId)
    {
        NameRules.ThrowIfInvalidWorkflowId(workflowId);
        ThrowIfDisposed();
        if (string.Equals(workflowId, SessionSecret.WorkflowId, StringComparison.Ordinal))
        {
            throw new ArgumentException($"'{workflowId}' is the session's own. Choose another id.", nameof(workflowId));
        }

        if (_workflows.TryGetValue(workflowId, out BufferedWorkflowEntries? entries))
        {
            return entries;
        }

        if (_workflows.Count >= Options.MaxWorkflows)
        {
            throw new WorkflowLimitException(
                $"Workflow '{workflowId}' is one more than the {Options.MaxWorkflows} that a request may open in a session. "
                    + $"End workflows that are over, or raise {nameof(BufferedSessionStoreOptions.MaxWorkflows)}.",
                workflowId
            );
        }

        return _workflows[workflowId] = new BufferedWorkflowEntries(this, workflowId);
    }

    /// <inheritdoc />
    /// <exception cref="NotSupportedException"><see cref="SessionStoreCapabilities.Listing"/> is not among the capabilities of the store.</exception>
    /// <exception cref="SessionStoreException">The store could not list.</exception>
    public async ValueTask<IReadOnlyList<WorkflowSummary>> ListAsync(CancellationToken cancellationToken = default)
    {
        if (!Capabilities.Listing)
        {
            throw new NotSupportedException("This store can't name the workflows of a session. Keep their ids in a workflow.");
        }

        cancellationToken.ThrowIfCancellationRequested();
        ThrowIfDisposed();
        try
        {
            IReadOnlyList<WorkflowSummary> workflows = await ListWorkflowsAsync(cancellationToken).ConfigureAwait(false);
            return [.. workflows.Where(workflow => !string.Equals(workflow.Id, SessionSecret.WorkflowId, StringComparison.Ordinal))];
        }
        catch (Exception error) when (IsEngineError(error))
        {
            throw new SessionStoreException("The workflows of the session could not be listed.", "", mayBeStored: false, error);
        }
    }

    /// <inheritdoc />
    /// <remarks>Changes of this request that were not committed are dropped: the session is over.</remarks>
    /// <exception cref="InvalidOperationException">A commit or an <c>UpdateAsync</c> of this request is under way. Nothing was ended.</exception>
    /// <exception cref="SessionStoreException">The store could not end the session, or not tell whether it has.</exception>
    public async ValueTask EndAsync(CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        ThrowIfReadOnly();
        foreach (BufferedWorkflowEntries entries in _workflows.Values)
        {
            entries.ThrowIfUpdating();
            entries.ThrowIfCommitting();
        }

        try
        {
            await EndWorkflowsAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (Exception error) when (IsEngineError(error))
        {
            throw new SessionStoreException(
                "The workflows of the session could not be ended, or some were and some were not.",
                "",
                mayBeStored: true,
                error
            );
        }

        foreach (BufferedWorkflowEntries entries in _workflows.Values)
        {
            entries.Forget();
        }

        _ = Secret.Take(record: null);
    }

    /// <summary>Releases what a derived store holds for this one session; nothing in most stores.</summary>
    /// <param name="disposing">True when called by <see cref="Dispose()"/>.</param>
    protected virtual void Dispose(bool disposing)
    {
        _disposed = true;
        foreach (BufferedWorkflowEntries entries in _workflows.Values.ToArray())
        {
            entries.Drop();
        }
    }

    internal void ThrowIfReadOnly()
    {
        ThrowIfDisposed();
        if (_readOnlyReason is { } reason)
        {
            throw new InvalidOperationException(reason);
        }
    }

    internal void ThrowIfDisposed()
    {
        if (_disposed)
        {
            throw new ObjectDisposedException(
                nameof(WorkflowSession),
                "The request that opened this session is over, or has ended the session or changed its user, so nothing was read or stored. Take the values you "
                    + "need before that; outside a request, open a session by an id of its own with ISessionStoreFactory."
            );
        }
    }

    internal static bool IsEngineError(Exception error) => error is not (WorkflowSessionException or OperationCanceledException);
}
