using StackExchange.Redis;
using WorkflowSessions.Contracts;
using WorkflowSessions.Redis;

namespace WorkflowSessions.AspNetCore.Tests;

/// <summary>The stores that web applications use, all with the same tests.</summary>
[SetUpFixture]
public sealed class Stores
{
    private static readonly Lazy<Task<ConnectionMultiplexer>> Connection = new(async () =>
        await ConnectionMultiplexer.ConnectAsync(await RedisServer.SharedAddressAsync())
    );

    public static string[] All { get; } = ["in memory", "Redis"];

    public static async Task<ConnectionMultiplexer> ConnectionAsync() => await Connection.Value;

    public static async Task<ISessionStoreFactory> CreateAsync(string name) =>
        name switch
        {
            "in memory" => new InMemorySessionStoreFactory(),
            "Redis" => new RedisSessionStoreFactory(
                await Connection.Value,
                new RedisSessionStoreOptions { KeyPrefix = $"test-{Guid.NewGuid():N}:", IdleTimeout = TimeSpan.FromMinutes(2) }
            ),
            _ => throw new ArgumentOutOfRangeException(nameof(name), name, "There is no such store."),
        };

    [OneTimeTearDown]
    public async Task TearDown()
    {
        if (Connection.IsValueCreated)
        {
            await (await Connection.Value).DisposeAsync();
        }

        await RedisServer.EndSharedAsync();
    }
}
