using WorkflowSessions.Contracts;

namespace WorkflowSessions.Redis.Tests;

[TestFixture]
public sealed class RedisSessionStoreContractTests : SessionStoreContract
{
    protected override int ModelSequences => 60;

    protected override StoreHarness CreateHarness() => new RedisHarness();
}
