using WorkflowSessions.Contracts;

namespace WorkflowSessions.DistributedCache.Tests;

/// <summary>The contract on Microsoft's cache on a real Redis, which has buffers.</summary>
[TestFixture]
public sealed class RedisCacheContractTests : SessionStoreContract
{
    protected override StoreHarness CreateHarness() => new RedisCacheHarness();
}
