namespace WorkflowSessions;

/// <summary>The store could not load or commit.</summary>
public sealed class SessionStoreException : WorkflowSessionException
{
    /// <summary>Reports a failure of the store.</summary>
    /// <param name="message">What failed; never a value or a session id.</param>
    /// <param name="workflowId">The id of the workflow; empty where the session as a whole was concerned.</param>
    /// <param name="mayBeStored">Whether the change may have been stored all the same.</param>
    /// <param name="innerException">The error of the engine.</param>
    public SessionStoreException(string message, string workflowId, bool mayBeStored, Exception? innerException = null)
        : base(message, workflowId, innerException) => MayBeStored = mayBeStored;

    /// <summary>False when the change is certainly not stored; true when that is unknown, as after a connection that broke in mid-command.</summary>
    public bool MayBeStored { get; }
}
