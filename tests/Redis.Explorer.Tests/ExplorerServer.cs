using WorkflowSessions.Contracts;

namespace WorkflowSessions.Redis.Explorer;

/// <summary>The server of these tests. Each explorer has a database of its own there.</summary>
[SetUpFixture]
public sealed class ExplorerServer
{
    private static RedisServer _server = null!;

    /// <summary>Opens a database that nobody else uses.</summary>
    internal static Server Open() => new(_server.Port);

    [OneTimeSetUp]
    public async Task StartAsync() => _server = await RedisServer.StartAsync("--databases", "10000");

    [OneTimeTearDown]
    public async Task EndAsync()
    {
        await TestContext.Progress.WriteLineAsync(Coverage.Report());
        _server.Dispose();
    }
}
