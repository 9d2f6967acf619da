namespace WorkflowSessions;

/// <content>A workflow that a session has several times: see <see cref="WorkflowInstance"/>.</content>
public sealed partial class WorkflowSession
{
    /// <summary>The id of the workflow without the instance; the whole <see cref="Id"/> where it names no instance.</summary>
    public string WorkflowId => WorkflowInstance.TryParse(Id, out string? workflowId, out _) ? workflowId : Id;

    /// <summary>
    /// Which instance of <see cref="WorkflowId"/> it is, for a route, a form or a query: 12 URL-safe characters. Null where it is no instance.
    /// </summary>
    public string? InstanceId => WorkflowInstance.TryParse(Id, out _, out string? instanceId) ? instanceId : null;

    /// <summary>Starts a new instance of a workflow, loaded. Nothing is stored until its first commit.</summary>
    /// <param name="session">The session.</param>
    /// <param name="workflowId">1 to 115 UTF-16 units, well formed, compared ordinally.</param>
    /// <param name="cancellationToken">Cancels the wait.</param>
    /// <exception cref="ArgumentNullException"><paramref name="session"/> or <paramref name="workflowId"/> is null.</exception>
    /// <exception cref="ArgumentException">The id is empty, too long or has a lone surrogate.</exception>
    /// <exception cref="SessionStoreException">The store could not load it.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public static async ValueTask<WorkflowSession> StartAsync(
        ISessionStore session,
        string workflowId,
        CancellationToken cancellationToken = default
    )
    {
        WorkflowSession workflow = new(session, WorkflowInstance.NewId(workflowId));
        await workflow.LoadAsync(cancellationToken).ConfigureAwait(false);
        return workflow;
    }

    /// <summary>Finds an instance of a workflow, loaded. An instance that is not there does not begin by this.</summary>
    /// <param name="session">The session.</param>
    /// <param name="workflowId">1 to 115 UTF-16 units, well formed, compared ordinally.</param>
    /// <param name="instanceId">The <see cref="InstanceId"/>, from anybody.</param>
    /// <param name="cancellationToken">Cancels the wait.</param>
    /// <returns>
    /// Null when <paramref name="instanceId"/> is null or malformed, or nothing is stored of it in this session: it was never committed, has ended or expired, or
    /// belongs to another session.
    /// </returns>
    /// <exception cref="ArgumentNullException"><paramref name="session"/> or <paramref name="workflowId"/> is null.</exception>
    /// <exception cref="ArgumentException">The workflow id is empty, too long or has a lone surrogate.</exception>
    /// <exception cref="SessionStoreException">The store could not load it.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public static async ValueTask<WorkflowSession?> FindAsync(
        ISessionStore session,
        string workflowId,
        string? instanceId,
        CancellationToken cancellationToken = default
    )
    {
        ArgumentNullException.ThrowIfNull(session);
        if (WorkflowInstance.IdOf(workflowId, instanceId) is not { } id)
        {
            return null;
        }

        WorkflowSession workflow = new(session, id);
        return await workflow.LoadExistingAsync(cancellationToken).ConfigureAwait(false) ? workflow : null;
    }
}
