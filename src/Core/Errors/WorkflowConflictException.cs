namespace WorkflowSessions;

/// <summary>A commit was refused because of what others did with the workflow meanwhile. Nothing of it is stored; its changes are kept.</summary>
public sealed class WorkflowConflictException : WorkflowSessionException
{
    /// <summary>Reports a commit that was refused.</summary>
    /// <param name="message">What was refused, and the way out; never a value or a session id.</param>
    /// <param name="workflowId">The id of the workflow; empty where several were concerned.</param>
    /// <param name="reason">Why it was refused.</param>
    /// <param name="keys">The keys whose values differ.</param>
    /// <param name="innerException">The refusals of each, where several were concerned.</param>
    public WorkflowConflictException(
        string message,
        string workflowId,
        WorkflowConflictReason reason,
        IReadOnlyList<string> keys,
        Exception? innerException = null
    )
        : base(message, workflowId, innerException)
    {
        Reason = reason;
        Keys = keys;
    }

    internal WorkflowConflictException(string workflowId, WorkflowConflictReason reason, IReadOnlyList<string> keys)
        : this(Describe(workflowId, reason, keys), workflowId, reason, keys) { }

    /// <summary>Why the commit was refused.</summary>
    public WorkflowConflictReason Reason { get; }

    /// <summary>The keys whose values differ from those that the last attempt had loaded; empty when the workflow has ended.</summary>
    public IReadOnlyList<string> Keys { get; }

    private static string Describe(string workflowId, WorkflowConflictReason reason, IReadOnlyList<string> keys) =>
        reason switch
        {
            WorkflowConflictReason.Ended => $"Workflow '{workflowId}' has ended or expired since it was loaded, so nothing was stored. "
                + "Call End() and CommitAsync() to drop the changes, then begin anew.",
            WorkflowConflictReason.Completed => $"Workflow '{workflowId}' is completed, so nothing was stored. "
                + "Load it and show its receipt, or call End() to drop the receipt and begin anew.",
            WorkflowConflictReason.Completing =>
                $"Another request is completing workflow '{workflowId}', so nothing was stored. Load it again in a moment, or allow more time in UpdateTimeout.",
            _ =>
                $"Others kept changing workflow '{workflowId}', at last the keys {string.Join(", ", keys.Select(key => $"'{key}'"))}; nothing was stored. "
                    + "Try again, or allow more time in UpdateTimeout.",
        };
}
