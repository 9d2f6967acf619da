using WorkflowSessions.Contracts;

namespace WorkflowSessions.Tests;

/// <summary>A store written by the book passes the contract.</summary>
[TestFixture]
public sealed class ExampleSessionStoreContractTests : SessionStoreContract
{
    protected override StoreHarness CreateHarness() => new ExampleHarness();
}
