using Microsoft.Extensions.Caching.StackExchangeRedis;
using StackExchange.Redis;
using WorkflowSessions.Contracts;
using WorkflowSessions.DistributedCache;
using WorkflowSessions.Redis;

namespace WorkflowSessions.AspNetCore.Tests;

/// <summary>The stores that web applications use, all with the same tests.</summary>
[SetUpFixture]
public sealed class Stores
{
    private static readonly Lazy<Task<ConnectionMultiplexer>> Connection = new(async () =>
        await ConnectionMultiplexer.ConnectAsync(await RedisServer.SharedAddressAsync())
    );

    // Microsoft's cache closes its connection when it is disposed.
    private static readonly RedisCache Cache = new(
        new RedisCacheOptions
        {
            ConnectionMultiplexerFactory = async () => await ConnectionMultiplexer.ConnectAsync(await RedisServer.SharedAddressAsync()),
        }
    );

    public static string[] All { get; } = ["in memory", "Redis", "distributed cache"];

    public static async Task<ConnectionMultiplexer> ConnectionAsync() => await Connection.Value;

    // A thousand updates of one counter at a time, on a busy machine.
    private static readonly TimeSpan UpdateTimeout = TimeSpan.FromMinutes(2);

    public static async Task<ISessionStoreFactory> CreateAsync(string name) =>
        name switch
        {
            "in memory" => new InMemorySessionStoreFactory(new InMemorySessionStoreOptions { UpdateTimeout = UpdateTimeout }),
            "Redis" => new RedisSessionStoreFactory(
                await Connection.Value,
                new RedisSessionStoreOptions
                {
                    KeyPrefix = $"test-{Guid.NewGuid():N}:",
                    IdleTimeout = TimeSpan.FromMinutes(5),
                    UpdateTimeout = UpdateTimeout,
                    CommandTimeout = TimeSpan.FromMinutes(1),
                }
            ),
            "distributed cache" => new DistributedCacheSessionStoreFactory(
                Cache,
                new DistributedCacheSessionStoreOptions
                {
                    KeyPrefix = $"test-{Guid.NewGuid():N}:",
                    IdleTimeout = TimeSpan.FromMinutes(5),
                    UpdateTimeout = UpdateTimeout,
                    CommandTimeout = TimeSpan.FromMinutes(1),
                    AllowBestEffortUpdates = true,
                }
            ),
            _ => throw new ArgumentOutOfRangeException(nameof(name), name, "There is no such store."),
        };

    [OneTimeTearDown]
    public async Task TearDown()
    {
        Cache.Dispose();
        if (Connection.IsValueCreated)
        {
            await (await Connection.Value).DisposeAsync();
        }

        await RedisServer.EndSharedAsync();
    }
}
