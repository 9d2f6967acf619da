using WorkflowSessions.Contracts;

namespace WorkflowSessions.AspNetCore.Tests;

[TestFixture]
public sealed class HttpSessionStoreContractTests : SessionStoreContract
{
    protected override StoreHarness CreateHarness() => new HttpSessionHarness();
}
