using WorkflowSessions.Contracts;

namespace WorkflowSessions.Redis.Tests;

/// <summary>Ends what the tests of this assembly share.</summary>
[SetUpFixture]
public sealed class SharedServer
{
    [OneTimeTearDown]
    public async Task TearDown()
    {
        await RedisHarness.CloseAsync();
        await RedisServer.EndSharedAsync();
        await SharedCluster.EndAsync();
    }
}
