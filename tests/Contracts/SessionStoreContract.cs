namespace WorkflowSessions.Contracts;

/// <summary>
/// What every store does. A store's tests derive a fixture from it; where a store promises less, a test that does not apply to it asserts
/// that the store says so.
/// </summary>
public abstract partial class SessionStoreContract
{
    protected StoreHarness Harness { get; private set; } = null!;

    protected abstract StoreHarness CreateHarness();

    [SetUp]
    public void SetUp() => Harness = CreateHarness();

    [TearDown]
    public async Task TearDown() => await Harness.DisposeAsync();

    /// <summary>Opens a workflow as a new request does, ready to use.</summary>
    private async Task<WorkflowSession> OpenAsync(string workflowId = "checkout", string sessionId = "alice")
    {
        WorkflowSession workflow = new(Harness.Open(sessionId), workflowId);
        await workflow.LoadAsync();
        return workflow;
    }

    /// <summary>Ends the request of a workflow and opens it in the next.</summary>
    private async Task<WorkflowSession> NextRequestAsync(WorkflowSession workflow, string sessionId = "alice")
    {
        await workflow.CommitAsync();
        return await OpenAsync(workflow.Id, sessionId);
    }

    /// <summary>Asserts the same in the request that made a change and in the next one.</summary>
    private async Task InThisAndNextRequestAsync(WorkflowSession workflow, Action<WorkflowSession> assertions)
    {
        Assert.Multiple(() => assertions(workflow));
        WorkflowSession next = await NextRequestAsync(workflow);
        Assert.Multiple(() => assertions(next));
    }

    private DateTimeOffset Tick()
    {
        Harness.Clock.Advance(TimeSpan.FromSeconds(1));
        return Harness.Clock.GetUtcNow();
    }
}
