namespace WorkflowSessions.Contracts;

/// <summary>Passes everything on, the entries of a workflow through a function.</summary>
public sealed class DelegatingStore(ISessionStore inner, Func<ISessionStore, string, IWorkflowEntries> open) : ISessionStore
{
    public SessionStoreCapabilities Capabilities => inner.Capabilities;

    public IWorkflowEntries Open(string workflowId) => open(inner, workflowId);

    public ValueTask<IReadOnlyList<WorkflowSummary>> ListAsync(CancellationToken cancellationToken = default) =>
        inner.ListAsync(cancellationToken);

    public ValueTask EndAsync(CancellationToken cancellationToken = default) => inner.EndAsync(cancellationToken);
}
