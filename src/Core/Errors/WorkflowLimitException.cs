namespace WorkflowSessions;

/// <summary>A limit on values or workflows would be exceeded. Nothing was changed. A store that is full throws <see cref="SessionStoreException"/>.</summary>
public sealed class WorkflowLimitException : WorkflowSessionException
{
    /// <summary>Reports a limit.</summary>
    /// <param name="message">What the limit is, which option sets it, and the way out; never a value or a session id.</param>
    /// <param name="workflowId">The id of the workflow.</param>
    public WorkflowLimitException(string message, string workflowId)
        : base(message, workflowId, innerException: null) { }
}
