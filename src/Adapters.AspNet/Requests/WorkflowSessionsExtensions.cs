namespace WorkflowSessions.AspNetCore;

/// <summary>Calls of <see cref="IWorkflowSessions"/> in one step.</summary>
public static class WorkflowSessionsExtensions
{
    /// <summary>Opens a workflow for a page that must not begin one: the second page of a form, the receipt of an order.</summary>
    /// <param name="workflows">The workflows of the request.</param>
    /// <param name="workflowId">1 to 128 UTF-16 units, well formed, compared ordinally.</param>
    /// <param name="cancellationToken">Cancels the wait.</param>
    /// <returns>
    /// Null when the workflow has never begun, or has ended or expired, which a store can't tell apart: send the visitor to the first page. A workflow that this request
    /// has just begun is returned.
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
        return workflow.IsNew && workflow.Count == 0 ? null : workflow;
    }
}
