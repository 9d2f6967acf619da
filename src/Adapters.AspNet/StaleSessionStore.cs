namespace WorkflowSessions.AspNetCore;

/// <summary>The session of a request whose cookie has an old secret: nothing is in it, and nothing can be stored.</summary>
internal sealed class StaleSessionStore(BufferedSessionStoreOptions options) : BufferedSessionStore(options)
{
    public override SessionStoreCapabilities Capabilities { get; } =
        new()
        {
            Buffered = true,
            AtomicCommit = true,
            VersionCheck = true,
            Listing = true,
        };

    public static WorkflowConflictException Refusal(string workflowId) =>
        new(
            $"The session of workflow '{workflowId}' was given a new id since this request's cookie was set, so nothing was stored. Load the page again.",
            workflowId,
            WorkflowConflictReason.StaleSession,
            []
        );

    protected override ValueTask<WorkflowRecord?> LoadWorkflowAsync(
        string workflowId,
        TimeSpan? idleTimeout,
        CancellationToken cancellationToken
    ) => ValueTask.FromResult<WorkflowRecord?>(null);

    protected override ValueTask<CommitResult> CommitWorkflowAsync(WorkflowCommit commit, CancellationToken cancellationToken) =>
        throw Refusal(commit.WorkflowId);

    protected override ValueTask<IReadOnlyList<WorkflowSummary>> ListWorkflowsAsync(CancellationToken cancellationToken) =>
        ValueTask.FromResult<IReadOnlyList<WorkflowSummary>>([]);

    protected override ValueTask EndWorkflowsAsync(CancellationToken cancellationToken) => ValueTask.CompletedTask;
}
