namespace CheckoutWizard;

/// <summary>A workflow as the panel shows it.</summary>
public sealed record PanelWorkflow(
    string Id,
    string WorkflowId,
    IReadOnlyList<KeyValuePair<string, string>> Entries,
    DateTimeOffset? LastModified,
    TimeSpan? Remaining
);
