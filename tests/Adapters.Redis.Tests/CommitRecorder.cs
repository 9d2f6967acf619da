namespace WorkflowSessions.Redis.Tests;

/// <summary>Makes the commit of a request that has loaded a given workflow, and stores nothing.</summary>
internal sealed class CommitRecorder : BufferedSessionStore
{
    private readonly WorkflowRecord? _loaded;
    private WorkflowCommit? _commit;

    private CommitRecorder(BufferedSessionStoreOptions options, WorkflowRecord? loaded)
        : base(options) => _loaded = loaded;

    public override SessionStoreCapabilities Capabilities { get; } = new() { VersionCheck = true, Completion = true };

    protected override string SessionHash => "";

    /// <param name="loaded">The workflow as the request loaded it; null for an absent one.</param>
    /// <param name="change">What the request does.</param>
    /// <param name="update">Whether the request uses UpdateAsync, which requires the version that was loaded.</param>
    /// <param name="options">The timeouts and the clock; null for the defaults.</param>
    /// <returns>Null when nothing was changed.</returns>
    public static async Task<WorkflowCommit?> TryMakeAsync(
        WorkflowRecord? loaded,
        Action<WorkflowSession> change,
        bool update = false,
        BufferedSessionStoreOptions? options = null
    )
    {
        using CommitRecorder recorder = new(options ?? new BufferedSessionStoreOptions(), loaded);
        WorkflowSession workflow = new(recorder, "checkout");
        if (update)
        {
            await workflow.UpdateAsync(change);
        }
        else
        {
            await workflow.LoadAsync();
            change(workflow);
            await workflow.CommitAsync();
        }

        return recorder._commit;
    }

    /// <summary>What a request sends that completes a workflow: the claim, and then the finish; or the release, when its function fails.</summary>
    /// <param name="loaded">The workflow as the request loaded it. It is not completed.</param>
    /// <param name="receipt">The receipt; null for a function that fails.</param>
    /// <param name="options">The timeouts and the clock.</param>
    public static async Task<(WorkflowCommit Claim, WorkflowCommit Last)> CompleteAsync(
        WorkflowRecord loaded,
        string? receipt,
        BufferedSessionStoreOptions options
    )
    {
        using CommitRecorder recorder = new(options, loaded);
        WorkflowSession workflow = new(recorder, "checkout");
        await workflow.LoadAsync();
        WorkflowCommit? claim = null;
        try
        {
            _ = await workflow.CompleteAsync(
                (_, _) =>
                {
                    claim = recorder._commit;
                    return receipt is null ? throw new InvalidOperationException() : Task.FromResult(receipt);
                }
            );
        }
        catch (InvalidOperationException) { }

        return (claim!, recorder._commit!);
    }

    /// <summary>A workflow without entries, of a generation and a version.</summary>
    public static WorkflowRecord Loaded(long generation, long version = 1) =>
        new(new Dictionary<string, WorkflowEntry>(), generation, version, DateTimeOffset.UnixEpoch, deadline: null, expiresAt: null);

    protected override ValueTask<WorkflowRecord?> LoadWorkflowAsync(string workflowId, CancellationToken cancellationToken) =>
        ValueTask.FromResult(_loaded);

    protected override ValueTask<CommitResult> CommitWorkflowAsync(WorkflowCommit commit, CancellationToken cancellationToken)
    {
        _commit = commit;
        return ValueTask.FromResult(CommitResult.Removed);
    }

    protected override ValueTask<IReadOnlyList<WorkflowSummary>> ListWorkflowsAsync(CancellationToken cancellationToken) =>
        throw new NotSupportedException();

    protected override ValueTask EndWorkflowsAsync(CancellationToken cancellationToken) => throw new NotSupportedException();
}
