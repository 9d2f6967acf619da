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
        RedisSessionStoreOptions patient = new() { KeyPrefix = harness.Prefix };
        Options(patient);
        RedisSessionStoreFactory other = new(connection, patient);
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
        await traffic.BackAsync(Stopwatch.GetTimestamp(), _ => true);
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
        Assert.That(keys, Is.AtLeast(6), "the workflow and the index moved three times");
        Assert.That(traffic.Lost, Is.Empty);
        Assert.That(traffic.Refused, Is.Zero);
        Assert.That(traffic.Contradicted, Is.Zero);

        static void Options(RedisSessionStoreOptions options)
        {
            options.TimeProvider = TimeProvider.System;
            // A slot takes as long to move as the machine needs.
            options.CommandTimeout = TimeSpan.FromMinutes(1);
            options.UpdateTimeout = TimeSpan.FromMinutes(2);
        }
    }

    [Test]
    public async Task Master_that_is_killed_under_load_is_replaced_without_a_restart()
    {
        using RedisCluster cluster = await RedisCluster.StartAsync(TimeSpan.FromSeconds(2));
        await using ConnectionMultiplexer connection = await ConnectAsync(cluster);
        RedisSessionStoreFactory sessions = new(connection);
        await using ClusterTraffic traffic = new();
        HashSet<string> hit = await StartAsync(traffic, cluster, sessions);
        await ClusterTraffic.UntilAsync(() => traffic.Acknowledged > 1_000);
        long killed = Stopwatch.GetTimestamp();
        cluster.Masters[0].Kill();
        Task<TimeSpan> promoted = PromotedAsync(cluster, killed);
        Task<TimeSpan> served = traffic.ServedAsync(sessions.Open, hit.First(), killed);
        TimeSpan others = await traffic.BackAsync(killed, session => !hit.Contains(session));
        TimeSpan back = await traffic.BackAsync(killed, hit.Contains);
        await TestContext.Out.WriteLineAsync(
            $"The replica took over after {(await promoted).TotalSeconds:0.0} s. Of the sessions of that master who came then was served after {(await served).TotalSeconds:0.0} s, and all who were there before after {back.TotalSeconds:0.0} s; of others all after {others.TotalSeconds:0.0} s."
        );
        await traffic.StopAsync();
        await TestContext.Out.WriteLineAsync(
            $"{traffic}; of other sessions a writer waited {traffic.LongestGap(session => !hit.Contains(session)).TotalSeconds:0.0} s at most."
        );
        // Replication is asynchronous: how much of what was acknowledged is lost is printed, and not promised.
        Assert.That(traffic.Contradicted, Is.Zero, "What was certainly not stored is there.");
    }

    [TestCase(0)]
    [TestCase(1)]
    public async Task Master_without_a_replica_acknowledges_nothing_where_it_must_have_one(int mustHave)
    {
        // A replica takes over however long it has been away.
        string[] arguments = ["--min-replicas-to-write", $"{mustHave}", "--cluster-replica-validity-factor", "0"];
        using RedisCluster cluster = await RedisCluster.StartAsync(TimeSpan.FromSeconds(2), arguments);
        await using ConnectionMultiplexer connection = await ConnectAsync(cluster);
        RedisSessionStoreFactory sessions = new(connection);
        await using ClusterTraffic traffic = new();
        HashSet<string> hit = await StartAsync(traffic, cluster, sessions);
        await ClusterTraffic.UntilAsync(() => traffic.Acknowledged > 1_000);

        // Its replica is sent away, and does not get in again.
        await cluster.Replicas[0].DoAsync("CONFIG", "SET", "masterauth", "wrong");
        await cluster.Masters[0].DoAsync("CLIENT", "KILL", "TYPE", "replica");
        long alone = Stopwatch.GetTimestamp();
        await (mustHave > 0 ? RefusedAsync() : traffic.BackAsync(alone, hit.Contains));
        if (mustHave > 0)
        {
            Assert.That(traffic.Served(alone, hit.Contains), Is.Zero, "Commits were acknowledged by a master alone.");
        }

        long killed = Stopwatch.GetTimestamp();
        cluster.Masters[0].Kill();
        TimeSpan promoted = await PromotedAsync(cluster, killed);
        if (mustHave > 0)
        {
            // The new master has no replica either, and refuses what it could lose. What is stored can be read.
            await RefusedAsync();
            foreach (string session in hit)
            {
                await Reading.ReadAsync(sessions.Open, session);
            }
        }

        long started = Stopwatch.GetTimestamp();
        await cluster.Masters[0].RunAsync();
        TimeSpan back = await traffic.BackAsync(started, hit.Contains);
        await traffic.StopAsync();
        int lostAlone = traffic.Lost.Count(at => at > alone);
        await TestContext.Out.WriteLineAsync(
            $"min-replicas-to-write {mustHave}: {traffic}; the replica took over after {promoted.TotalSeconds:0.0} s, all were served {back.TotalSeconds:0.0} s after the old master was started again; of what was acknowledged alone {lostAlone} are known to be lost."
        );
        Assert.That(traffic.Contradicted, Is.Zero, "What was certainly not stored is there.");

        async Task RefusedAsync()
        {
            int before = traffic.Errors("NOREPLICAS");
            await ClusterTraffic.UntilAsync(() => traffic.Errors("NOREPLICAS") > before + 50);
        }
    }

    private static Task<ConnectionMultiplexer> ConnectAsync(RedisCluster cluster) =>
        ConnectionMultiplexer.ConnectAsync($"{cluster.Addresses},abortConnect=false,connectTimeout=1000");

    /// <summary>Begins to write on all masters.</summary>
    /// <returns>The sessions of the first.</returns>
    private static async Task<HashSet<string>> StartAsync(ClusterTraffic traffic, RedisCluster cluster, RedisSessionStoreFactory sessions)
    {
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
        using CancellationTokenSource limit = new(TimeSpan.FromMinutes(3));
        // The first master has the first slot.
        while (await cluster.OwnerAsync(0) != cluster.Replicas[0])
        {
            await Task.Delay(5, limit.Token);
        }

        return Stopwatch.GetElapsedTime(killed);
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
