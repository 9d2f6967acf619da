using StackExchange.Redis;
using WorkflowSessions.Contracts;

namespace WorkflowSessions.Redis.Tests;

/// <summary>A network that cuts connections or is slow, under load.</summary>
public sealed class NetworkFaultTests
{
    private const int Cuts = 20;

    // Where nothing may fail, no slow machine may make it.
    private static readonly RedisSessionStoreOptions Patient = new()
    {
        CommandTimeout = TimeSpan.FromMinutes(1),
        UpdateTimeout = TimeSpan.FromMinutes(2),
    };

    [TestCase("request")]
    [TestCase("reply")]
    [TestCase("between")]
    public async Task Connections_that_are_cut_lose_no_acknowledged_commit(string where)
    {
        using RedisServer server = await RedisServer.StartAsync();
        await using FaultyProxy proxy = FaultyProxy.Start(server.Port);
        await using ConnectionMultiplexer connection = await ConnectAsync(proxy);
        RedisSessionStoreFactory sessions = new(connection, Patient);
        await using Traffic traffic = await Traffic.StartAsync(sessions);
        int due = 0;
        TimeSpan longest = TimeSpan.Zero;
        // Cuts one connection, in the middle of what passes next.
        ValueTask<int> Cut(ReadOnlyMemory<byte> bytes) => new(Interlocked.Exchange(ref due, 0) == 1 ? bytes.Length / 2 : bytes.Length);
        proxy.OnRequest = where == "request" ? Cut : null;
        proxy.OnReply = where == "reply" ? Cut : null;
        for (int i = 0; i < Cuts; i++)
        {
            if (where == "between")
            {
                proxy.Cut();
            }
            else
            {
                Volatile.Write(ref due, 1);
                await traffic.UntilAsync(() => Volatile.Read(ref due) == 0);
            }

            TimeSpan back = await traffic.BackAsync();
            longest = back > longest ? back : longest;
            await traffic.MoreAsync(50);
        }

        await traffic.EndAsync($"Cut {Cuts} times ({where}), back after {longest.TotalSeconds:0.00} s at most.");
        Assert.That(traffic.Unknown, Is.Empty);
    }

    [Test]
    public async Task Server_that_is_out_of_reach_for_a_while_is_used_again()
    {
        using RedisServer server = await RedisServer.StartAsync();
        await using FaultyProxy proxy = FaultyProxy.Start(server.Port);
        await using ConnectionMultiplexer connection = await ConnectAsync(proxy);
        RedisSessionStoreFactory sessions = new(connection, new RedisSessionStoreOptions { CommandTimeout = TimeSpan.FromSeconds(1) });
        await using Traffic traffic = await Traffic.StartAsync(sessions);
        proxy.Refuses = true;
        proxy.Cut();
        await traffic.UntilAsync(() => traffic.Refused.Count > 16);
        proxy.Refuses = false;
        TimeSpan back = await traffic.BackAsync();
        await traffic.EndAsync($"Out of reach, back after {back.TotalSeconds:0.0} s.");
    }

    [Test]
    public async Task Slow_network_fails_no_commit()
    {
        using RedisServer server = await RedisServer.StartAsync();
        await using FaultyProxy proxy = FaultyProxy.Start(server.Port);
        await using ConnectionMultiplexer connection = await ConnectAsync(proxy);
        await using Traffic traffic = await Traffic.StartAsync(new RedisSessionStoreFactory(connection, Patient));
        proxy.OnRequest = DelayAsync;
        proxy.OnReply = DelayAsync;
        await traffic.BackAsync();
        int before = traffic.Acknowledged.Count;
        await traffic.MoreAsync(200);
        double[] took =
        [
            .. traffic
                .Acknowledged.Skip(before)
                .Where(attempt => !attempt.Counts)
                .Select(attempt => attempt.Took.TotalMilliseconds)
                .Order(),
        ];
        proxy.OnRequest = null;
        proxy.OnReply = null;
        await traffic.EndAsync($"Slow, load and commit took {took[took.Length / 2]:0} ms in the middle and {took[^1]:0} ms at most.");
        Assert.That(traffic.Refused, Is.Empty);
        Assert.That(traffic.Unknown, Is.Empty);

        static async ValueTask<int> DelayAsync(ReadOnlyMemory<byte> bytes)
        {
            await Task.Delay(Random.Shared.Next(20, 51));
            return bytes.Length;
        }
    }

    private static Task<ConnectionMultiplexer> ConnectAsync(FaultyProxy proxy) =>
        ConnectionMultiplexer.ConnectAsync($"{proxy.Address},abortConnect=false,connectTimeout=1000");
}
