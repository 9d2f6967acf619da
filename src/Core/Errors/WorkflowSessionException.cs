namespace WorkflowSessions;

/// <summary>The base of the exceptions that this library throws for anything but misuse.</summary>
/// <remarks>Messages name the workflow and the key where there is one; they never hold a value or a session id. Control characters of names are escaped in them, as <c>\u000A</c>.</remarks>
public abstract class WorkflowSessionException : Exception
{
    private protected WorkflowSessionException(string message, string workflowId, Exception? innerException)
        : base(new Printable(message).ToString(), innerException) => WorkflowId = workflowId;

    /// <summary>The id of the workflow.</summary>
    public string WorkflowId { get; }
}
