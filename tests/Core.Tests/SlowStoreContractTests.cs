using WorkflowSessions.Contracts;

namespace WorkflowSessions.Tests;

/// <summary>The whole contract on an engine that takes its time: every wait is a real one.</summary>
[TestFixture]
public sealed class SlowStoreContractTests : SessionStoreContract
{
    protected override StoreHarness CreateHarness()
    {
        ExampleHarness harness = new();
        harness.Database.BeforeWrite = async () => await Task.Yield();
        harness.Database.AfterWrite = async () => await Task.Yield();
        return harness;
    }
}
