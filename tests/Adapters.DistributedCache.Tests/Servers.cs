using Microsoft.Extensions.Caching.StackExchangeRedis;
using StackExchange.Redis;
using WorkflowSessions.Contracts;

namespace WorkflowSessions.DistributedCache.Tests;

/// <summary>The connection that the tests share.</summary>
[SetUpFixture]
public sealed class Servers
{
    private static readonly Lazy<Task<ConnectionMultiplexer>> Connection = new(async () =>
        await ConnectionMultiplexer.ConnectAsync($"{await RedisServer.SharedAddressAsync()},allowAdmin=true")
    );

    /// <summary>Microsoft's cache on it. It closes the connection when it is disposed.</summary>
    public static RedisCache Cache { get; } =
        new(new RedisCacheOptions { ConnectionMultiplexerFactory = async () => await ConnectionAsync() });

    public static async Task<ConnectionMultiplexer> ConnectionAsync() => await Connection.Value;

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
