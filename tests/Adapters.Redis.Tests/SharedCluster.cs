using StackExchange.Redis;
using WorkflowSessions.Contracts;

namespace WorkflowSessions.Redis.Tests;

/// <summary>The cluster that tests share, and a connection to it. Its nodes never count as failed; tests that end one start their own.</summary>
internal static class SharedCluster
{
    private static readonly Lazy<Task<RedisCluster>> Started = new(() => RedisCluster.StartAsync(TimeSpan.FromMinutes(1)));

    private static readonly Lazy<Task<ConnectionMultiplexer>> Connected = new(async () =>
        await ConnectionMultiplexer.ConnectAsync($"{(await Started.Value).Addresses},allowAdmin=true,syncTimeout=60000,asyncTimeout=60000")
    );

    public static Task<RedisCluster> StartedAsync() => Started.Value;

    public static ConnectionMultiplexer Connection => Connected.Value.GetAwaiter().GetResult();

    public static async Task EndAsync()
    {
        if (Connected.IsValueCreated)
        {
            await Connection.DisposeAsync();
        }

        if (Started.IsValueCreated)
        {
            (await Started.Value).Dispose();
        }
    }
}
