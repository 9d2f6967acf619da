namespace WorkflowSessions.AspNetCore;

/// <summary>The workflows of the session that a request belongs to.</summary>
/// <remarks>
/// <para>
/// Ask for it in a handler, a controller, a page or a hub. Changes are committed before the first byte of the response, or at the end of a hub
/// method; none are when the request ends with an unhandled exception.
/// </para>
/// <para>
/// A request without a session costs nothing until it opens a workflow, and neither a round trip nor a cookie until something is committed. Several
/// workflows may be opened at a time; each of them is for one thread at a time.
/// </para>
/// <para>
/// It ends with its request: whoever keeps it longer, or a workflow of it, gets an <see cref="ObjectDisposedException"/>. The response of a request that has opened a
/// workflow is <c>Cache-Control: no-store</c>, unless the application sets that header afterwards.
/// </para>
/// </remarks>
public interface IWorkflowSessions
{
    /// <summary>Opens a workflow, loaded; the same instance for the rest of the request.</summary>
    /// <param name="workflowId">1 to 128 UTF-16 units, well formed, compared ordinally.</param>
    /// <param name="cancellationToken">Cancels the wait.</param>
    /// <exception cref="ArgumentException">The id is null, empty, too long, has a lone surrogate, or is <c>$session</c> or <c>$http</c>.</exception>
    /// <exception cref="InvalidOperationException"><c>UseWorkflowSessions()</c> is missing, or comes after the endpoint.</exception>
    /// <exception cref="SessionStoreException">The store could not load it. Unhandled, it becomes a response of 503.</exception>
    /// <exception cref="WorkflowLimitException">The request has opened too many workflows.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    ValueTask<WorkflowSession> OpenAsync(string workflowId, CancellationToken cancellationToken = default);

    /// <summary>Names the workflows of the session that have entries, as they are stored.</summary>
    /// <param name="cancellationToken">Cancels the wait.</param>
    /// <exception cref="InvalidOperationException"><c>UseWorkflowSessions()</c> is missing, or comes after the endpoint.</exception>
    /// <exception cref="SessionStoreException">The store could not list them.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    ValueTask<IReadOnlyList<WorkflowSummary>> ListAsync(CancellationToken cancellationToken = default);

    /// <summary>Commits the changes of all workflows of the request now. Call it to answer in your own words when something can't be stored.</summary>
    /// <param name="cancellationToken">Cancels the wait as long as nothing can have been stored.</param>
    /// <exception cref="InvalidOperationException">A session would begin, and the response has started, so that no cookie can be sent.</exception>
    /// <exception cref="SessionStoreException">A workflow could not be stored; the message names all that were not.</exception>
    /// <exception cref="WorkflowConflictException">A workflow was refused because of what others did meanwhile; the message names all that were.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    ValueTask CommitAsync(CancellationToken cancellationToken = default);

    /// <summary>
    /// Drops what was changed and not committed, as when the answer is to be a page that says so. What is opened after it is loaded anew; what was
    /// opened before is not committed any more.
    /// </summary>
    void DiscardChanges();

    /// <summary>Gives the session a new secret, and the old cookie no more rights, at once; no data moves. Call it at every sign-in.</summary>
    /// <param name="cancellationToken">Cancels the wait as long as nothing can have been stored.</param>
    /// <remarks>A request with a secret that was replaced gets a new, empty session. Workflows that are open stay usable in it.</remarks>
    /// <exception cref="InvalidOperationException">The response has started, so that no cookie can be sent.</exception>
    /// <exception cref="SessionStoreException">The store could not store it.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    ValueTask RegenerateIdAsync(CancellationToken cancellationToken = default);

    /// <summary>
    /// Gives the session a new secret for a user who has just signed in. The session belongs to that user from then on. Call it at every sign-in of an
    /// application that knows its users.
    /// </summary>
    /// <param name="userId">The id of the user, well formed. The store keeps a hash of it.</param>
    /// <param name="cancellationToken">Cancels the wait as long as nothing can have been stored.</param>
    /// <remarks>
    /// <para>A session of nobody, or of this user, keeps its workflows. One of another user ends, and a new, empty one begins.</para>
    /// <para>
    /// A request with a secret that was replaced for the same user within <see cref="WorkflowSessionsOptions.SignInGracePeriod"/>, as by a double click, gets the
    /// session of the user. Any other request with an old secret gets a new, empty one. Workflows that are open stay usable; they keep what was set in them and is not
    /// committed.
    /// </para>
    /// </remarks>
    /// <exception cref="ArgumentException"><paramref name="userId"/> is null, empty, or has a lone surrogate.</exception>
    /// <exception cref="InvalidOperationException">The response has started, so that no cookie can be sent.</exception>
    /// <exception cref="SessionStoreException">The store could not store it.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    ValueTask RegenerateIdAsync(string userId, CancellationToken cancellationToken = default);

    /// <summary>Ends the session with all its workflows and deletes the cookie. Changes that were not committed are dropped. Call it at sign-out.</summary>
    /// <param name="cancellationToken">Cancels the wait as long as nothing can have been ended.</param>
    /// <remarks>A workflow that is opened after it belongs to a new session.</remarks>
    /// <exception cref="InvalidOperationException"><c>UseWorkflowSessions()</c> is missing, or comes after the endpoint.</exception>
    /// <exception cref="SessionStoreException">The store could not end it, or not tell whether it has.</exception>
    /// <exception cref="WorkflowConflictException">The secret of the request's cookie was replaced by a sign-in. Nothing was ended.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    ValueTask EndSessionAsync(CancellationToken cancellationToken = default);
}
