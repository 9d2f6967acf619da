namespace WorkflowSessions;

/// <summary>What the stores say of completion in the same words.</summary>
internal static class Completion
{
    /// <summary>The key of the receipt in errors. No entry can have it.</summary>
    public const string ReceiptKey = "";

    public static NotSupportedException NotSupported() =>
        new(
            "This store can't keep a receipt. Keep the workflow in a store that promises Completion, as in memory or on Redis; or call End() after the work is done, "
                + "and let a unique index tell a second request from the first."
        );

    public static InvalidOperationException NotCompleted(string workflowId) =>
        new(
            $"Workflow '{new Printable(workflowId)}' is not completed, so it has no receipt. Ask {nameof(WorkflowSession.IsCompleted)} first."
        );
}
