using WorkflowSessions.Contracts;

namespace WorkflowSessions.Redis.Tests;

[TestFixture]
public sealed class ClusterContractTests : SessionStoreContract
{
    protected override int ModelSequences => 20;

    protected override StoreHarness CreateHarness() => new RedisHarness(connection: SharedCluster.Connection);
}
