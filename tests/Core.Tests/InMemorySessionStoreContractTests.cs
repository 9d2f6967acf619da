using WorkflowSessions.Contracts;

namespace WorkflowSessions.Tests;

[TestFixture]
public sealed class InMemorySessionStoreContractTests : SessionStoreContract
{
    protected override StoreHarness CreateHarness() => new InMemoryHarness();
}
