namespace WorkflowSessions.AspNetCore;

/// <summary>Calls of <see cref="IWorkflowSessions"/> in one step.</summary>
public static class WorkflowSessionsExtensions
{
    /// <summary>Opens a workflow for a page that must not begin one: the second page of a form, the receipt of an order.</summary>
    /// <param name="workflows">The workflows of the request.</param>
    /// <param name="workflowId">1 to 128 UTF-16 units, well formed, compared ordinally.</param>
    /// <param name="cancellationToken">Cancels the wait.</param>
    /// <returns>
    /// Null when the workflow has never begun, or has ended or expired, which a store can't tell apart: send the visitor to the first page. A workflow that this
    /// request has just begun is returned, and one that it has just ended is not.
    /// </returns>
    /// <exception cref="ArgumentNullException"><paramref name="workflows"/> is null.</exception>
    /// <exception cref="ArgumentException">The id is null, empty, too long, has a lone surrogate, or is <c>$session</c> or <c>$http</c>.</exception>
    /// <exception cref="InvalidOperationException"><c>UseWorkflowSessions()</c> is missing, or comes after the endpoint.</exception>
    /// <exception cref="SessionStoreException">The store could not load it. Unhandled, it becomes a response of 503.</exception>
    /// <exception cref="WorkflowLimitException">The request has opened too many workflows.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public static async ValueTask<WorkflowSession?> OpenExistingAsync(
        this IWorkflowSessions workflows,
        string workflowId,
        CancellationToken cancellationToken = default
    )
    {
        ArgumentNullException.ThrowIfNull(workflows);
        WorkflowSession workflow = await workflows.OpenAsync(workflowId, cancellationToken).ConfigureAwait(false);
        // Also null when this request has ended it. A new workflow that this request has changed has a stamp.
        return workflow.LastModified is null && workflow.Count == 0 ? null : workflow;
    }

    /// <summary>Starts a new instance of a workflow, for a form that a visitor may have open in two tabs. Nothing is stored until it is committed.</summary>
    /// <param name="workflows">The workflows of the request.</param>
    /// <param name="workflowId">1 to 115 UTF-16 units, well formed, compared ordinally.</param>
    /// <param name="cancellationToken">Cancels the wait.</param>
    /// <returns>The instance, loaded. Put its <see cref="WorkflowSession.InstanceId"/> into the route or the form, and find it by that.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="workflows"/> is null.</exception>
    /// <exception cref="ArgumentException">The id is null, empty, too long, has a lone surrogate, or is <c>$session</c> or <c>$http</c>.</exception>
    /// <exception cref="InvalidOperationException"><c>UseWorkflowSessions()</c> is missing, or comes after the endpoint.</exception>
    /// <exception cref="SessionStoreException">The store could not load it. Unhandled, it becomes a response of 503.</exception>
    /// <exception cref="WorkflowLimitException">The request has opened too many workflows.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public static ValueTask<WorkflowSession> StartAsync(
        this IWorkflowSessions workflows,
        string workflowId,
        CancellationToken cancellationToken = default
    )
    {
        ArgumentNullException.ThrowIfNull(workflows);
        ScopedWorkflowSessions.ThrowIfReserved(workflowId);
        return workflows.OpenAsync(WorkflowInstance.NewId(workflowId), cancellationToken);
    }

    /// <summary>Finds an instance of a workflow by the instance id that a client sends. An instance that is not there does not begin by this.</summary>
    /// <param name="workflows">The workflows of the request.</param>
    /// <param name="workflowId">1 to 115 UTF-16 units, well formed, compared ordinally.</param>
    /// <param name="instanceId">The <see cref="WorkflowSession.InstanceId"/>, as the client sends it.</param>
    /// <param name="cancellationToken">Cancels the wait.</param>
    /// <returns>
    /// Null when <paramref name="instanceId"/> is null or malformed, or when the session has no such instance: it was never committed, has ended or expired, or
    /// belongs to another session. Send the visitor to the first page then. An instance that this request has just begun is returned.
    /// </returns>
    /// <exception cref="ArgumentNullException"><paramref name="workflows"/> is null.</exception>
    /// <exception cref="ArgumentException">
    /// The workflow id is null, empty, too long, has a lone surrogate, or is <c>$session</c> or <c>$http</c>. The instance id is never a reason.
    /// </exception>
    /// <exception cref="InvalidOperationException"><c>UseWorkflowSessions()</c> is missing, or comes after the endpoint.</exception>
    /// <exception cref="SessionStoreException">The store could not load it. Unhandled, it becomes a response of 503.</exception>
    /// <exception cref="WorkflowLimitException">The request has opened too many workflows.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public static async ValueTask<WorkflowSession?> FindAsync(
        this IWorkflowSessions workflows,
        string workflowId,
        string? instanceId,
        CancellationToken cancellationToken = default
    )
    {
        ArgumentNullException.ThrowIfNull(workflows);
        ScopedWorkflowSessions.ThrowIfReserved(workflowId);
        return WorkflowInstance.IdOf(workflowId, instanceId) is { } id
            ? await workflows.OpenExistingAsync(id, cancellationToken).ConfigureAwait(false)
            : null;
    }

    /// <summary>Names the instances of a workflow that have entries, as they are stored.</summary>
    /// <param name="workflows">The workflows of the request.</param>
    /// <param name="workflowId">1 to 115 UTF-16 units, well formed, compared ordinally.</param>
    /// <param name="cancellationToken">Cancels the wait.</param>
    /// <exception cref="ArgumentNullException"><paramref name="workflows"/> is null.</exception>
    /// <exception cref="ArgumentException">The id is null, empty, too long, has a lone surrogate, or is <c>$session</c> or <c>$http</c>.</exception>
    /// <exception cref="InvalidOperationException"><c>UseWorkflowSessions()</c> is missing, or comes after the endpoint.</exception>
    /// <exception cref="NotSupportedException">The store can't list: see <see cref="SessionStoreCapabilities.Listing"/>.</exception>
    /// <exception cref="SessionStoreException">The store could not list them.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public static async ValueTask<IReadOnlyList<WorkflowSummary>> ListAsync(
        this IWorkflowSessions workflows,
        string workflowId,
        CancellationToken cancellationToken = default
    )
    {
        ArgumentNullException.ThrowIfNull(workflows);
        ScopedWorkflowSessions.ThrowIfReserved(workflowId);
        return WorkflowInstance.Of(workflowId, await workflows.ListAsync(cancellationToken).ConfigureAwait(false));
    }
}
