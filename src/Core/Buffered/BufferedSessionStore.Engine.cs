using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;

namespace WorkflowSessions;

/// <content>What a store implements.</content>
public abstract partial class BufferedSessionStore
{
    /// <inheritdoc />
    public abstract SessionStoreCapabilities Capabilities { get; }

    /// <summary>
    /// Whether <c>UpdateAsync</c> is supported although <see cref="SessionStoreCapabilities.VersionCheck"/> is not promised. False unless a store
    /// has an option for it.
    /// </summary>
    protected internal virtual bool AllowsBestEffortUpdates => false;

    /// <summary>
    /// Whether the engine itself begins the idle time anew when a workflow is read, as a cache with a sliding expiration does. The secret of the session is then
    /// verified before the workflow is loaded, and not in the same round trip. False by default.
    /// </summary>
    protected internal virtual bool LoadRenews => false;

    /// <summary>
    /// The hash of the session's id, as <see cref="HashSessionId"/> makes it. The idempotency keys of <c>CompleteAsync</c> are made from it, so a store that promises
    /// <see cref="SessionStoreCapabilities.Completion"/> overrides it.
    /// </summary>
    /// <exception cref="NotSupportedException">The store does not override it.</exception>
    protected internal virtual string SessionHash =>
        throw new NotSupportedException(
            $"This store promises {nameof(SessionStoreCapabilities.Completion)}. Let it override {nameof(SessionHash)}."
        );

    /// <summary>The ids of the workflows that this request has opened, for a store that can't list.</summary>
    protected IEnumerable<string> OpenedWorkflows => _workflows.Keys;

    /// <summary>What names a session in a store outside the process, so that whoever reads its keys can't take over a session.</summary>
    /// <param name="sessionId">The id of the session.</param>
    /// <returns>The first 128 bits of the SHA-256 (FIPS 180-4) of the id in UTF-8, in base64url without padding: 22 characters.</returns>
    /// <exception cref="ArgumentException"><paramref name="sessionId"/> is null, empty or has a lone surrogate.</exception>
    protected static string HashSessionId(string sessionId)
    {
        NameRules.ThrowIfInvalidSessionId(sessionId);
        // As many bits as a session id has, and hard to guess.
        const int HashBytes = 16;
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        _ = SHA256.HashData(Encoding.UTF8.GetBytes(sessionId), hash);
        return Base64Url.EncodeToString(hash[..HashBytes]);
    }

    /// <summary>Loads one workflow, in one round trip. Its idle time does not begin anew by this.</summary>
    /// <param name="workflowId">The id of the workflow.</param>
    /// <param name="cancellationToken">Cancels the wait.</param>
    /// <returns>The workflow; null when it is absent or has expired.</returns>
    /// <remarks>Throw <see cref="SessionStoreException"/> on failure; any other exception is wrapped in one. Two workflows may be loaded at the same time.</remarks>
    protected internal abstract ValueTask<WorkflowRecord?> LoadWorkflowAsync(string workflowId, CancellationToken cancellationToken);

    /// <summary>
    /// Begins the idle time of a workflow anew. It runs after a load, once it is certain that whoever loaded may. No request needs to wait for it: one that is
    /// lost is made good by the next load or commit.
    /// </summary>
    /// <param name="workflowId">The id of the workflow.</param>
    /// <param name="loaded">The workflow as it was loaded.</param>
    /// <param name="idleTimeout">The idle timeout; null for none.</param>
    /// <param name="cancellationToken">Cancels the wait.</param>
    /// <returns>The workflow with the time at which it expires now. The default does nothing, for stores where nothing expires.</returns>
    protected internal virtual ValueTask<WorkflowRecord> RenewWorkflowAsync(
        string workflowId,
        WorkflowRecord loaded,
        TimeSpan? idleTimeout,
        CancellationToken cancellationToken
    ) => ValueTask.FromResult(loaded);

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

    /// <summary>
    /// Counts the workflows of the session, the secret not among them; called when a workflow has begun, where <see cref="SessionStoreCapabilities.Listing"/> is
    /// promised. The default counts what <see cref="ListWorkflowsAsync"/> names.
    /// </summary>
    /// <param name="cancellationToken">Cancels the wait.</param>
    protected internal virtual async ValueTask<int> CountWorkflowsAsync(CancellationToken cancellationToken)
    {
        IReadOnlyList<WorkflowSummary> workflows = await ListWorkflowsAsync(cancellationToken).ConfigureAwait(false);
        return workflows.Count(workflow => !string.Equals(workflow.Id, SessionSecret.WorkflowId, StringComparison.Ordinal));
    }

    /// <summary>
    /// Ends all workflows of the session: first <see cref="SessionSecret.WorkflowId"/>, and then those that are there after that; where they can't be listed,
    /// those that are known. A workflow that begins meanwhile finds that the secret is gone, and is taken back.
    /// </summary>
    /// <param name="cancellationToken">Cancels the wait.</param>
    protected abstract ValueTask EndWorkflowsAsync(CancellationToken cancellationToken);
}
