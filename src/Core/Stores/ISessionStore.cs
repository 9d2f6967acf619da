namespace WorkflowSessions;

/// <summary>One user's session: the workflows in it, and what its store can promise.</summary>
/// <remarks>
/// Not thread-safe: it belongs to one request and one thread at a time. <c>Microsoft.AspNetCore.Session</c> has an interface of the same name
/// that is about something else; where both namespaces are in use, write <c>WorkflowSessions.ISessionStore</c>.
/// </remarks>
public interface ISessionStore
{
    /// <summary>What this store can promise.</summary>
    SessionStoreCapabilities Capabilities { get; }

    /// <summary>The entries of one workflow, without any input or output yet.</summary>
    /// <param name="workflowId">1 to 128 UTF-16 units, well formed, compared ordinally.</param>
    /// <exception cref="ArgumentException">The id is null, empty, too long or has a lone surrogate.</exception>
    IWorkflowEntries Open(string workflowId);

    /// <summary>Names the workflows that have entries, in no particular order, without their values.</summary>
    /// <param name="cancellationToken">Cancels the wait.</param>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    ValueTask<IReadOnlyList<WorkflowSummary>> ListAsync(CancellationToken cancellationToken = default);

    /// <summary>Ends all workflows of the session; whatever else is in it stays.</summary>
    /// <param name="cancellationToken">Cancels the wait.</param>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    ValueTask EndAsync(CancellationToken cancellationToken = default);
}
