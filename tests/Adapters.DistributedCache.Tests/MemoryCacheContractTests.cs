using WorkflowSessions.Contracts;

namespace WorkflowSessions.DistributedCache.Tests;

[TestFixture(false)]
[TestFixture(true)]
public sealed class MemoryCacheContractTests(bool allowsUpdates) : SessionStoreContract
{
    protected override StoreHarness CreateHarness() =>
        new CacheHarness(configure: options => options.AllowBestEffortUpdates = allowsUpdates);
}
