using System.Buffers.Text;
using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;
using StackExchange.Redis;
using WorkflowSessions.Contracts;

namespace WorkflowSessions.Redis.Tests;

/// <summary>What only a cluster does: slots, slots that move, and masters that fail.</summary>
public sealed class ClusterTests
{
    // What a replica may not have received yet of a master that dies: it says once in a second how far it is.
    private static readonly TimeSpan OnTheWay = TimeSpan.FromSeconds(2);

    [Test]
    public async Task Keys_of_a_session_are_in_one_slot_and_sessions_are_spread()
    {
        RedisCluster cluster = await SharedCluster.StartedAsync();
        await using RedisHarness harness = new(connection: SharedCluster.Connection);
        HashSet<int> ports = [];
        foreach (string session in Enumerable.Range(0, 30).Select(i => $"session{i}"))
        {
            string[] before = harness.Keys();
            foreach (string id in new[] { "checkout", "{", "}", "{}", "a{b}c", "}{x}", ":" })
            {
                WorkflowSession workflow = new(harness.Open(session), id);
                await workflow.LoadAsync();
                workflow.Set("{x}", 1);
                await workflow.CommitAsync();
            }

            string[] keys = [.. harness.Keys().Except(before, StringComparer.Ordinal)];
            Assert.That(keys, Has.Length.EqualTo(8));
            int[] slots = await Task.WhenAll(keys.Select(cluster.SlotAsync));
            int slot = await cluster.SlotAsync(Root(session));
            Assert.That(slots, Is.All.EqualTo(slot));
            ports.Add((await cluster.OwnerAsync(slot)).Port);
        }

        Assert.That(ports, Is.EquivalentTo(cluster.Masters.Select(master => master.Port)));
    }

    [Test]
    public async Task Slot_that_moves_under_load_loses_nothing()
    {
        RedisCluster cluster = await SharedCluster.StartedAsync();
        await using ConnectionMultiplexer connection = await ConnectionMultiplexer.ConnectAsync(cluster.Addresses);
        await using RedisHarness harness = new(Options, SharedCluster.Connection);
        RedisSessionStoreFactory other = new(connection, new RedisSessionStoreOptions { KeyPrefix = harness.Prefix });
        int slot = await cluster.SlotAsync(Root("hot"));
        int keys = 0;
        await using ClusterTraffic traffic = new();
        for (int i = 0; i < 4; i++)
        {
            traffic.Write(harness.Open, "hot");
            traffic.Write(other.Open, "hot");
        }

        traffic.Count(other.Open, "hot");
        traffic.Begin(harness.Open, "hot");
        await ClusterTraffic.UntilAsync(() => traffic.Acknowledged > 500);
        foreach (RedisServer target in await NextMastersAsync(cluster, slot))
        {
            keys += await cluster.MigrateAsync(slot, target, TimeSpan.FromMilliseconds(100));
            Assert.That(await cluster.OwnerAsync(slot), Is.SameAs(target));
            await traffic.BackAsync(Stopwatch.GetTimestamp(), _ => true);
        }

        await traffic.StopAsync();
        await TestContext.Out.WriteLineAsync(
            $"3 moves of {keys} keys: {traffic}; a writer waited {traffic.LongestGap(_ => true).TotalSeconds:0.0} s at most."
        );
        Assert.That(keys, Is.AtLeast(9));
        Assert.That(traffic.Lost, Is.Empty);
        Assert.That(traffic.Contradicted, Is.Zero);

        static void Options(RedisSessionStoreOptions options)
        {
            options.TimeProvider = TimeProvider.System;
            options.CommandTimeout = new RedisSessionStoreOptions().CommandTimeout;
        }
    }

    [Test]
    public async Task Master_that_is_killed_under_load_is_replaced_without_a_restart()
    {
        using RedisCluster cluster = await RedisCluster.StartAsync(TimeSpan.FromSeconds(1));
        await using ConnectionMultiplexer connection = await ConnectAsync(cluster);
        await using ClusterTraffic traffic = new();
        HashSet<string> hit = await StartAsync(traffic, cluster, connection);
        await ClusterTraffic.UntilAsync(() => traffic.Acknowledged > 1_000);
        long killed = Stopwatch.GetTimestamp();
        cluster.Masters[0].Kill();
        TimeSpan othersBack = await traffic.BackAsync(killed, session => !hit.Contains(session));
        TimeSpan promoted = await PromotedAsync(cluster, killed);
        TimeSpan back = await traffic.BackAsync(killed, hit.Contains);
        await traffic.StopAsync();
        await TestContext.Out.WriteLineAsync(
            $"{traffic}; the replica took over after {promoted.TotalSeconds:0.0} s, commits of its sessions were back after {back.TotalSeconds:0.0} s; of others they went on after {othersBack.TotalSeconds:0.0} s and waited {traffic.LongestGap(session => !hit.Contains(session)).TotalSeconds:0.0} s at most."
        );
        AssertLostOnlyOnTheWay(traffic, killed);
    }

    [Test]
    public async Task Master_that_must_have_a_replica_acknowledges_nothing_alone()
    {
        using RedisCluster cluster = await RedisCluster.StartAsync(TimeSpan.FromSeconds(1), "--min-replicas-to-write", "1");
        await using ConnectionMultiplexer connection = await ConnectAsync(cluster);
        await using ClusterTraffic traffic = new();
        HashSet<string> hit = await StartAsync(traffic, cluster, connection);
        await ClusterTraffic.UntilAsync(() => traffic.Acknowledged > 1_000);
        cluster.Replicas[0].Kill();
        await ClusterTraffic.UntilAsync(() => traffic.Errors("NOREPLICAS") > 50);
        await cluster.Replicas[0].RunAsync();
        long started = Stopwatch.GetTimestamp();
        TimeSpan withReplica = await traffic.BackAsync(started, hit.Contains);
        await cluster.WholeAsync();

        long killed = Stopwatch.GetTimestamp();
        int before = traffic.Errors("NOREPLICAS");
        cluster.Masters[0].Kill();
        TimeSpan promoted = await PromotedAsync(cluster, killed);
        // It has no replica now, and so refuses what it could lose. What is stored can be read.
        await ClusterTraffic.UntilAsync(() => traffic.Errors("NOREPLICAS") > before + 50);
        WorkflowSession seen = new(new RedisSessionStoreFactory(connection).Open(hit.First()), "checkout");
        await seen.LoadAsync();
        Assert.That(seen.Count, Is.Positive);
        await cluster.Masters[0].RunAsync();
        long restarted = Stopwatch.GetTimestamp();
        TimeSpan back = await traffic.BackAsync(restarted, hit.Contains);
        await traffic.StopAsync();
        await TestContext.Out.WriteLineAsync(
            $"{traffic}; back {withReplica.TotalSeconds:0.0} s after the replica was; a replica took over after {promoted.TotalSeconds:0.0} s and was back {back.TotalSeconds:0.0} s after it had a replica of its own."
        );
        AssertLostOnlyOnTheWay(traffic, killed);
    }

    private static Task<ConnectionMultiplexer> ConnectAsync(RedisCluster cluster) =>
        ConnectionMultiplexer.ConnectAsync($"{cluster.Addresses},abortConnect=false,connectTimeout=1000");

    /// <summary>Begins to write on all masters.</summary>
    /// <returns>The sessions of the first.</returns>
    private static async Task<HashSet<string>> StartAsync(ClusterTraffic traffic, RedisCluster cluster, ConnectionMultiplexer connection)
    {
        RedisSessionStoreFactory sessions = new(connection);
        HashSet<string> first = new(StringComparer.Ordinal);
        Dictionary<RedisServer, int> counts = cluster.Masters.ToDictionary(master => master, _ => 0);
        for (int i = 0; counts.Values.Any(count => count < 2); i++)
        {
            string session = $"session{i}";
            RedisServer master = await cluster.OwnerAsync(await cluster.SlotAsync(Root(session)));
            if (counts[master]++ < 2)
            {
                traffic.Write(sessions.Open, session);
                traffic.Write(sessions.Open, session);
                if (master == cluster.Masters[0])
                {
                    first.Add(session);
                }
            }
        }

        return first;
    }

    private static async Task<TimeSpan> PromotedAsync(RedisCluster cluster, long killed)
    {
        using CancellationTokenSource limit = new(TimeSpan.FromMinutes(1));
        // The first master has the first slot.
        while (await cluster.OwnerAsync(0) != cluster.Replicas[0])
        {
            await Task.Delay(5, limit.Token);
        }

        return Stopwatch.GetElapsedTime(killed);
    }

    private static void AssertLostOnlyOnTheWay(ClusterTraffic traffic, long killed)
    {
        Assert.That(traffic.Lost.Count(at => at > killed || Stopwatch.GetElapsedTime(at, killed) > OnTheWay), Is.Zero);
        Assert.That(traffic.Contradicted, Is.Zero);
    }

    /// <summary>The masters that do not serve a slot, and then the one that does.</summary>
    private static async Task<IEnumerable<RedisServer>> NextMastersAsync(RedisCluster cluster, int slot)
    {
        RedisServer owner = await cluster.OwnerAsync(slot);
        return [.. cluster.Masters.Where(master => master != owner), owner];
    }

    /// <summary>What the slot of a session is chosen by, as documented.</summary>
    private static string Root(string sessionId) =>
        $"{{{Base64Url.EncodeToString(SHA256.HashData(Encoding.UTF8.GetBytes(sessionId)).AsSpan(0, 16))}}}";
}
