using System.Diagnostics;
using System.Globalization;
using StackExchange.Redis;
using WorkflowSessions.Contracts;

namespace WorkflowSessions.Redis.Tests;

/// <summary>A master and its replica that change places.</summary>
public sealed class ReplicationFaultTests
{
    // The client asks its servers who is master once a minute unless it is told otherwise; so long it would go on with the old one.
    private const string Options = "abortConnect=false,connectTimeout=1000";

    [Test]
    public async Task Replica_takes_no_commit_and_says_so()
    {
        using RedisServer master = await RedisServer.StartAsync("--repl-diskless-sync-delay", "0");
        using RedisServer replica = await RedisServer.StartAsync("--replica-read-only", "yes");
        await using ConnectionMultiplexer admin = await ConnectAsync(replica);
        await using ConnectionMultiplexer connection = await ConnectionMultiplexer.ConnectAsync($"{replica.Address},{Options}");
        RedisSessionStoreFactory sessions = new(connection, new RedisSessionStoreOptions { CommandTimeout = TimeSpan.FromMinutes(1) });
        WorkflowSession workflow = new(sessions.Open("alice"), "checkout");
        await workflow.LoadAsync();
        workflow.Set("x", 1);
        await ReplicateAsync(replica, admin, master);
        await RefuseAsync(workflow);

        // A client that finds a replica from the start loads nothing, and commits nothing that needs no load.
        await using ConnectionMultiplexer second = await ConnectionMultiplexer.ConnectAsync($"{replica.Address},{Options}");
        RedisSessionStoreFactory others = new(second, new RedisSessionStoreOptions { CommandTimeout = TimeSpan.FromMinutes(1) });
        SessionStoreException? error = await Assert.ThrowsAsync<SessionStoreException>(async () =>
            await new WorkflowSession(others.Open("alice"), "checkout").LoadAsync()
        );
        Assert.That(error!.MayBeStored, Is.False);
        BufferedSessionStore session = others.Open("alice");
        session.BeginOnFirstCommit(_ => ValueTask.CompletedTask);
        WorkflowSession begun = new(session, "begun");
        await begun.LoadAsync();
        begun.Set("x", 1);
        await RefuseAsync(begun);

        await admin.GetDatabase().ExecuteAsync("REPLICAOF", "NO", "ONE");
        Assert.That((long)await admin.GetDatabase().ExecuteAsync("DBSIZE"), Is.Zero);
        TimeSpan back = await SucceedsAsync(workflow);
        TimeSpan other = await SucceedsAsync(begun);
        await TestContext.Out.WriteLineAsync(
            $"A master again, back after {back.TotalSeconds:0.0} s, and for a client that knew it as a replica after {other.TotalSeconds:0.0} s."
        );

        static async Task RefuseAsync(WorkflowSession workflow)
        {
            SessionStoreException? error = await Assert.ThrowsAsync<SessionStoreException>(async () => await workflow.CommitAsync());
            await TestContext.Out.WriteLineAsync($"A commit: {error!.InnerException!.GetType().Name}.");
            Assert.That(error.MayBeStored, Is.False);
            Assert.That(workflow.HasChanges, Is.True);
        }
    }

    [TestCase(false)]
    [TestCase(true)]
    public async Task Replica_that_is_promoted_under_load_loses_only_what_it_had_not_received(bool minReplicas)
    {
        (RedisServer master, RedisServer replica) = await StartAsync(minReplicas ? ["--min-replicas-to-write", "1"] : []);
        using RedisServer first = master;
        using RedisServer second = replica;
        await using ConnectionMultiplexer admin = await ConnectAsync(master);
        await using ConnectionMultiplexer other = await ConnectAsync(replica);
        await ReplicateAsync(replica, other, master);
        await using ConnectionMultiplexer connection = await ConnectionMultiplexer.ConnectAsync(
            $"{master.Address},{replica.Address},{Options}"
        );
        RedisSessionStoreFactory sessions = new(connection, new RedisSessionStoreOptions { CommandTimeout = TimeSpan.FromSeconds(2) });
        await using Traffic traffic = await Traffic.StartAsync(sessions);
        long before = Stopwatch.GetTimestamp();
        long offset = await OffsetAsync(admin, "master_repl_offset");
        while (await OffsetAsync(other, "slave_repl_offset") < offset)
        {
            await traffic.MoreAsync(1);
        }

        await other.GetDatabase().ExecuteAsync("REPLICAOF", "NO", "ONE");
        await DemoteAsync(admin, replica);
        TimeSpan back = await traffic.BackAsync();
        await traffic.MoreAsync(500);
        await traffic.EndAsync(
            $"Promoted{(minReplicas ? ", where a master without a replica takes nothing" : "")}, back after {back.TotalSeconds:0.0} s.",
            attempt => attempt.Ended > before
        );
    }

    [Test]
    public async Task Places_that_are_changed_by_failover_under_load_lose_nothing()
    {
        (RedisServer master, RedisServer replica) = await StartAsync();
        using RedisServer first = master;
        using RedisServer second = replica;
        await using ConnectionMultiplexer admin = await ConnectAsync(master);
        await using ConnectionMultiplexer other = await ConnectAsync(replica);
        await ReplicateAsync(replica, other, master);
        await using ConnectionMultiplexer connection = await ConnectionMultiplexer.ConnectAsync(
            $"{master.Address},{replica.Address},{Options}"
        );
        RedisSessionStoreFactory sessions = new(connection, new RedisSessionStoreOptions { CommandTimeout = TimeSpan.FromSeconds(2) });
        await using Traffic traffic = await Traffic.StartAsync(sessions);
        // It waits with writing until the replica has all of it.
        await admin.GetDatabase().ExecuteAsync("FAILOVER");
        TimeSpan back = await traffic.BackAsync();
        await traffic.MoreAsync(500);
        await traffic.EndAsync($"Failed over, back after {back.TotalSeconds:0.0} s.");
    }

    private static async Task<(RedisServer Master, RedisServer Replica)> StartAsync(params string[] arguments) =>
        (await RedisServer.StartAsync(["--repl-diskless-sync-delay", "0", .. arguments]), await RedisServer.StartAsync());

    private static Task<ConnectionMultiplexer> ConnectAsync(RedisServer server) =>
        ConnectionMultiplexer.ConnectAsync($"{server.Address},allowAdmin=true,asyncTimeout=60000");

    /// <summary>Makes a server the replica of another, and returns when it has what that has.</summary>
    private static async Task ReplicateAsync(RedisServer replica, ConnectionMultiplexer admin, RedisServer master)
    {
        await DemoteAsync(admin, master);
        using CancellationTokenSource limit = new(TimeSpan.FromMinutes(3));
        while (!(await ReplicationAsync(admin)).Contains("master_link_status:up", StringComparison.Ordinal))
        {
            await Task.Delay(5, limit.Token);
        }
    }

    private static Task<RedisResult> DemoteAsync(ConnectionMultiplexer admin, RedisServer master) =>
        admin.GetDatabase().ExecuteAsync("REPLICAOF", "127.0.0.1", master.Port);

    private static async Task<string> ReplicationAsync(ConnectionMultiplexer admin) =>
        (string)(await admin.GetDatabase().ExecuteAsync("INFO", "replication"))!;

    private static async Task<long> OffsetAsync(ConnectionMultiplexer admin, string field)
    {
        string line = (await ReplicationAsync(admin)).Split("\r\n").Single(line => line.StartsWith($"{field}:", StringComparison.Ordinal));
        return long.Parse(line.Split(':')[1], CultureInfo.InvariantCulture);
    }

    private static async Task<TimeSpan> SucceedsAsync(WorkflowSession workflow)
    {
        long begun = Stopwatch.GetTimestamp();
        using CancellationTokenSource limit = new(TimeSpan.FromMinutes(3));
        while (workflow.HasChanges)
        {
            try
            {
                await workflow.CommitAsync(limit.Token);
            }
            catch (SessionStoreException)
            {
                await Task.Delay(5, limit.Token);
            }
        }

        return Stopwatch.GetElapsedTime(begun);
    }
}
