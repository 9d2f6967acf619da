using StackExchange.Redis;

namespace WorkflowSessions.Redis.Tests;

/// <summary>The promises on a cluster.</summary>
[TestFixture]
public sealed class ClusterConcurrencyTests : ConcurrencyContract
{
    protected override int Trials => 100;

    protected override int Races => 300;

    protected override ConnectionMultiplexer Connection => SharedCluster.Connection;

    protected override async Task<string> AddressAsync() => (await SharedCluster.StartedAsync()).Addresses;
}
