using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;

namespace WorkflowSessions;

/// <summary>
/// The base of stores that load a workflow, let the code work on it in memory, and commit what changed. It owns the buffer, the change
/// tracking, the encoding and the limits; a derived store only loads one workflow, applies one <see cref="WorkflowCommit"/>, lists and ends.
/// </summary>
/// <remarks>Not thread-safe: it belongs to one request and one thread at a time.</remarks>
public abstract class BufferedSessionStore : ISessionStore
{
    private readonly Dictionary<string, BufferedWorkflowEntries> _workflows = new(StringComparer.Ordinal);
    private BufferedWorkflowEntries? _record;
    private SessionRecord? _sessionRecord;

    /// <summary>Creates the store of one session.</summary>
    /// <param name="options">The options, which many stores share, and which their factory has checked.</param>
    /// <exception cref="ArgumentNullException"><paramref name="options"/> is null.</exception>
    protected BufferedSessionStore(BufferedSessionStoreOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        Options = options;
    }

    /// <inheritdoc />
    public abstract SessionStoreCapabilities Capabilities { get; }

    /// <summary>Who may use the session, for those who keep sessions behind a cookie. Nobody else needs it.</summary>
    public SessionRecord Record =>
        _sessionRecord ??= new SessionRecord(_record = new BufferedWorkflowEntries(this, SessionRecord.WorkflowId));

    /// <summary>
    /// Whether <c>UpdateAsync</c> is supported although <see cref="SessionStoreCapabilities.VersionCheck"/> is not promised. False unless a store
    /// has an option for it.
    /// </summary>
    protected internal virtual bool AllowsBestEffortUpdates => false;

    /// <summary>The ids of the workflows that this request has opened, for a store that can't list.</summary>
    protected IEnumerable<string> OpenedWorkflows => _workflows.Keys;

    internal BufferedSessionStoreOptions Options { get; }

    /// <summary>Whether nothing can be stored of the session yet.</summary>
    internal bool IsNew { get; set; }

    /// <summary>What must be done before a workflow is committed; null when it is done, or there is nothing.</summary>
    internal Func<CancellationToken, ValueTask>? Beginning { get; set; }

    /// <summary>
    /// Declares that the session is new, as when its id has just been made: nothing can be stored of it, so that loads need no round trip until something
    /// is committed.
    /// </summary>
    /// <param name="beginning">
    /// What begins the session, as with <see cref="SessionRecord.BeginAsync"/>. It runs before the first commit of a workflow; when it throws, that is not
    /// committed, and it runs again before the next.
    /// </param>
    /// <exception cref="ArgumentNullException"><paramref name="beginning"/> is null.</exception>
    public void BeginNew(Func<CancellationToken, ValueTask> beginning)
    {
        ArgumentNullException.ThrowIfNull(beginning);
        Beginning = beginning;
        IsNew = true;
    }

    /// <inheritdoc />
    /// <exception cref="ArgumentException">
    /// The id is null, empty, too long, has a lone surrogate, or is <c>$session</c>, which is the session's own.
    /// </exception>
    /// <exception cref="WorkflowLimitException">This request has opened as many workflows as <see cref="BufferedSessionStoreOptions.MaxWorkflows"/> allows.</exception>
    public IWorkflowEntries Open(string workflowId)
    {
        NameRules.ThrowIfInvalidWorkflowId(workflowId);
        if (string.Equals(workflowId, SessionRecord.WorkflowId, StringComparison.Ordinal))
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
        try
        {
            IReadOnlyList<WorkflowSummary> workflows = await ListWorkflowsAsync(cancellationToken).ConfigureAwait(false);
            return [.. workflows.Where(workflow => !string.Equals(workflow.Id, SessionRecord.WorkflowId, StringComparison.Ordinal))];
        }
        catch (Exception error) when (IsForeign(error))
        {
            throw new SessionStoreException("The workflows of the session could not be listed.", "", mayBeStored: false, error);
        }
    }

    /// <inheritdoc />
    /// <remarks>Changes of this request that were not committed are dropped: the session is over.</remarks>
    /// <exception cref="SessionStoreException">The store could not end the session, or not tell whether it has.</exception>
    public async ValueTask EndAsync(CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        try
        {
            await EndWorkflowsAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (Exception error) when (IsForeign(error))
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

        _record?.Forget();
    }

    /// <summary>What names a session in a store outside the process, so that whoever reads its keys can't take over a session.</summary>
    /// <param name="sessionId">The id of the session.</param>
    /// <returns>The first 128 bits of the SHA-256 (FIPS 180-4) of the id in UTF-8, in base64url without padding: 22 characters.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="sessionId"/> is null.</exception>
    protected static string HashSessionId(string sessionId)
    {
        ArgumentNullException.ThrowIfNull(sessionId);
        // As many bits as a session id has, and hard to guess.
        const int HashBytes = 16;
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        _ = SHA256.HashData(Encoding.UTF8.GetBytes(sessionId), hash);
        return Base64Url.EncodeToString(hash[..HashBytes]);
    }

    /// <summary>Loads one workflow and begins its idle time anew, in one round trip.</summary>
    /// <param name="workflowId">The id of the workflow.</param>
    /// <param name="idleTimeout">The idle time; null for none.</param>
    /// <param name="cancellationToken">Cancels the wait.</param>
    /// <returns>The workflow; null when it is absent or has expired.</returns>
    /// <remarks>Throw <see cref="SessionStoreException"/> on failure; any other exception is wrapped in one.</remarks>
    protected internal abstract ValueTask<WorkflowRecord?> LoadWorkflowAsync(
        string workflowId,
        TimeSpan? idleTimeout,
        CancellationToken cancellationToken
    );

    /// <summary>Applies one commit by the rules of <see cref="WorkflowCommit"/>: all of it, in one step, or none.</summary>
    /// <param name="commit">What changed.</param>
    /// <param name="cancellationToken">Cancels the wait as long as nothing can have been stored; not heeded after that.</param>
    /// <returns>What became of it. When this returns, it is stored.</returns>
    /// <remarks>
    /// Throw <see cref="SessionStoreException"/> on failure, and say in it whether the commit may be stored; any other exception is wrapped
    /// in one that says so.
    /// </remarks>
    protected internal abstract ValueTask<CommitResult> CommitWorkflowAsync(WorkflowCommit commit, CancellationToken cancellationToken);

    /// <summary>Names the workflows that have entries; called only where <see cref="SessionStoreCapabilities.Listing"/> is promised.</summary>
    /// <param name="cancellationToken">Cancels the wait.</param>
    protected abstract ValueTask<IReadOnlyList<WorkflowSummary>> ListWorkflowsAsync(CancellationToken cancellationToken);

    /// <summary>Ends all workflows of the session; where they can't be listed, <see cref="SessionRecord.WorkflowId"/> and those that are known.</summary>
    /// <param name="cancellationToken">Cancels the wait.</param>
    protected abstract ValueTask EndWorkflowsAsync(CancellationToken cancellationToken);

    internal static bool IsForeign(Exception error) => error is not (WorkflowSessionException or OperationCanceledException);
}
