using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using StackExchange.Redis;
using WorkflowSessions.Contracts;

namespace WorkflowSessions.Redis.Tests;

/// <summary>Commits that are acknowledged when replicas have received them.</summary>
public sealed partial class WaitForReplicasTests
{
    // By default a client asks its servers once a minute who is the master.
    private const string Client = "abortConnect=false,connectTimeout=1000,configCheckSeconds=1";

    // Of a client that waits, see WaitGroup.
    private const string WaitingClient = "name=workflowsessions-wait-";

    private static readonly string[] NoDelay = ["--repl-diskless-sync-delay", "0"];

    [Test]
    public async Task Commit_is_at_the_replica_when_it_is_acknowledged()
    {
        using RedisServer master = await RedisServer.StartAsync(NoDelay);
        using RedisServer replica = await ReplicaAsync(master);
        await using ConnectionMultiplexer connection = await ConnectAsync(master);
        using RedisSessionStoreFactory sessions = Sessions(connection);
        for (int i = 1; i <= 100; i++)
        {
            await CommitAsync(sessions, "alice", i);
            Assert.That(await StoredAsync(replica), Is.EqualTo(i));
        }
    }

    [Test]
    public async Task Commit_in_another_database_is_acknowledged_too()
    {
        using RedisServer master = await RedisServer.StartAsync(NoDelay);
        using RedisServer replica = await ReplicaAsync(master);
        await using ConnectionMultiplexer connection = await ConnectAsync(master);
        using RedisSessionStoreFactory sessions = new(connection, new RedisSessionStoreOptions { WaitForReplicas = 1, Database = 3 });
        await CommitAsync(sessions, "alice", 1);
        Assert.That((await Reading.ReadAsync(sessions.Open, "alice")).Get("x", 0), Is.EqualTo(1));
        Assert.That(await StoredAsync(master), Is.Zero, "It went to the database of the connection.");
        Assert.That((string)(await replica.DoAsync("INFO", "keyspace"))!, Does.Contain("db3:keys=2,").And.Not.Contain("db0:"));
    }

    [Test]
    public async Task Masters_that_are_killed_under_load_lose_no_acknowledged_commit()
    {
        using RedisServer first = await RedisServer.StartAsync(NoDelay);
        using RedisServer second = await ReplicaAsync(first);
        await using ConnectionMultiplexer connection = await ConnectAsync(first, second);
        using RedisSessionStoreFactory sessions = Sessions(connection);
        await using Traffic traffic = await Traffic.StartAsync(sessions);
        RedisServer master = first,
            replica = second;
        List<string> back = [];
        for (int i = 0; i < 5; i++)
        {
            if (i % 2 == 0)
            {
                // The master stores commits that the replica does not get.
                await CutAsync(master, replica);
                long offset = await OffsetAsync(master);
                await UntilAsync(async () => await OffsetAsync(master) > offset);
            }
            else
            {
                await traffic.MoreAsync(300);
            }

            master.Kill();
            await replica.DoAsync("REPLICAOF", "NO", "ONE");
            await replica.DoAsync("CONFIG", "SET", "masterauth", "");
            await master.RunAsync("--replicaof", $"127.0.0.1 {replica.Port}");
            back.Add((await traffic.BackAsync()).TotalSeconds.ToString("0.0", CultureInfo.InvariantCulture));
            (master, replica) = (replica, master);
        }

        await traffic.MoreAsync(300);
        await traffic.EndAsync($"5 masters were killed; back after {string.Join(", ", back)} s.");
    }

    [Test]
    public async Task Master_of_a_cluster_that_is_killed_under_load_loses_no_acknowledged_commit()
    {
        using RedisCluster cluster = await RedisCluster.StartAsync(TimeSpan.FromSeconds(2));
        await using ConnectionMultiplexer connection = await ConnectionMultiplexer.ConnectAsync($"{cluster.Addresses},{Client}");
        using RedisSessionStoreFactory sessions = Sessions(connection);
        await using ClusterTraffic traffic = new();
        for (int i = 0; i < 12; i++)
        {
            traffic.Write(sessions.Open, $"session{i}");
        }

        await ClusterTraffic.UntilAsync(() => traffic.Acknowledged > 1_000);
        cluster.Masters[0].Kill();
        await UntilAsync(async () => await cluster.OwnerAsync(0) == cluster.Replicas[0]);
        // The new master acknowledges nothing until it has a replica itself.
        await cluster.Masters[0].RunAsync();
        await traffic.BackAsync(Stopwatch.GetTimestamp(), _ => true);
        await traffic.StopAsync();
        await TestContext.Out.WriteLineAsync($"{traffic}");
        Assert.That(traffic.Lost, Is.Empty, "Acknowledged commits are missing.");
        Assert.That(traffic.Contradicted, Is.Zero, "What was certainly not stored is there.");
    }

    [TestCase(true)]
    [TestCase(false)]
    public async Task Commit_that_no_replica_receives_may_be_stored_and_delays_no_other(bool hasReplica)
    {
        using RedisServer master = await RedisServer.StartAsync(NoDelay);
        using RedisServer? replica = hasReplica ? await ReplicaAsync(master) : null;
        await using ConnectionMultiplexer connection = await ConnectAsync(master);
        TimeSpan timeout = TimeSpan.FromSeconds(2);
        using RedisSessionStoreFactory sessions = Sessions(connection, timeout);
        using RedisSessionStoreFactory others = new(connection);
        await CommitAsync(others, "bob", 1);
        await CommitAsync(others, "carol", 1);
        if (hasReplica)
        {
            await CommitAsync(sessions, "alice", 1);
        }

        replica?.Freeze();
        long begun = Stopwatch.GetTimestamp();
        Task[] waiting =
        [
            CommitAsync(sessions, "alice", 2),
            EndAsync(sessions, "bob"),
            Task.Run(async () => await sessions.Open("carol").EndAsync()),
        ];
        int meanwhile = 0;
        for (; Stopwatch.GetElapsedTime(begun) < timeout / 2; meanwhile++)
        {
            await CommitAsync(others, "dave", meanwhile);
        }

        Assert.That(waiting.Count(task => task.IsCompleted), Is.Zero, "A commit was answered although no replica can have it.");
        foreach (Task task in waiting)
        {
            SessionStoreException? error = await Assert.ThrowsAsync<SessionStoreException>(() => task);
            await TestContext.Out.WriteLineAsync(error!.Message);
            Assert.That(error.MayBeStored, Is.True);
            Assert.That(error.Message, Does.Contain("WaitForReplicas = 1").And.Contain("Check that the replicas run"));
        }

        TimeSpan took = Stopwatch.GetElapsedTime(begun);
        await TestContext.Out.WriteLineAsync(
            $"They failed after {took.TotalSeconds:0.00} s; others made {meanwhile} commits in half of it."
        );
        Assert.That(took, Is.LessThan(timeout + TimeSpan.FromSeconds(1)));
        Assert.That(meanwhile, Is.Positive);
        Assert.That((await Reading.ReadAsync(others.Open, "alice")).Get("x", 0), Is.EqualTo(2));

        replica?.Thaw();
        if (hasReplica)
        {
            await CommitAsync(sessions, "alice", 3);
            Assert.That(await StoredAsync(replica!), Is.EqualTo(3));
        }
    }

    [Test]
    public async Task Promoted_replica_that_lacks_a_commit_never_acknowledges_it()
    {
        using RedisServer master = await RedisServer.StartAsync(NoDelay);
        using RedisServer replica = await ReplicaAsync(master, NoDelay);
        // So the promoted one has a replica at once, and would say that it received everything.
        using RedisServer last = await ReplicaAsync(replica);
        await using ConnectionMultiplexer connection = await ConnectAsync(master, replica);
        using RedisSessionStoreFactory sessions = Sessions(connection, TimeSpan.FromSeconds(10));
        await CommitAsync(sessions, "alice", 1);
        await UntilAsync(async () => await StoredAsync(last) == 1);
        await CutAsync(master, replica);

        Task waiting = CommitAsync(sessions, "alice", 2);
        await UntilAsync(async () => await StoredAsync(master) == 2);
        Assert.That(waiting.IsCompleted, Is.False);
        master.Kill();
        await replica.DoAsync("REPLICAOF", "NO", "ONE");

        // Others are acknowledged by it meanwhile.
        await UntilAsync(() => TryAsync(() => CommitAsync(sessions, "bob", 1)));
        Assert.That(waiting.IsCompleted, Is.False);
        SessionStoreException? error = await Assert.ThrowsAsync<SessionStoreException>(() => waiting);
        await TestContext.Out.WriteLineAsync(error!.Message);
        Assert.That(error.MayBeStored, Is.True);
        Assert.That(error.Message, Does.Contain("master now does not have it"));
        Assert.That((await Reading.ReadAsync(sessions.Open, "alice")).Get("x", 0), Is.EqualTo(1));
    }

    [Test]
    public async Task Wait_whose_connection_breaks_acknowledges_nothing()
    {
        using RedisServer master = await RedisServer.StartAsync(NoDelay);
        using RedisServer replica = await ReplicaAsync(master);
        await using ConnectionMultiplexer connection = await ConnectAsync(master);
        using RedisSessionStoreFactory sessions = Sessions(connection, TimeSpan.FromSeconds(4));
        await CommitAsync(sessions, "alice", 1);
        replica.Freeze();
        Task[] waiting = [.. Enumerable.Range(0, 16).Select(i => CommitAsync(sessions, $"session{i}", 1))];
        int killed = 0;
        while (!waiting.Any(task => task.IsCompleted))
        {
            foreach (Match id in WaitingClients().Matches(await ClientsAsync(master)))
            {
                killed += (long)(await master.DoAsync("CLIENT", "KILL", "ID", id.Groups["id"].Value))! > 0 ? 1 : 0;
            }

            await Task.Delay(5);
        }

        await TestContext.Out.WriteLineAsync($"{killed} connections were killed.");
        Assert.That(killed, Is.AtLeast(2));
        foreach (Task task in waiting)
        {
            SessionStoreException? error = await Assert.ThrowsAsync<SessionStoreException>(() => task);
            Assert.That(error!.MayBeStored, Is.True);
        }

        replica.Thaw();
        await CommitAsync(sessions, "alice", 2);
        Assert.That(await StoredAsync(replica), Is.EqualTo(2));
    }

    [Test]
    public async Task Commits_of_the_same_time_share_a_wait()
    {
        const int Commits = 64;
        using RedisServer master = await RedisServer.StartAsync(NoDelay);
        using RedisServer replica = await ReplicaAsync(master);
        await using ConnectionMultiplexer connection = await ConnectAsync(master);
        using RedisSessionStoreFactory sessions = Sessions(connection, TimeSpan.FromSeconds(30));
        await CommitAsync(sessions, "alice", 1);
        await master.DoAsync("CONFIG", "RESETSTAT");
        replica.Freeze();
        long before = (long)(await master.DoAsync("DBSIZE"))!;
        Task[] waiting = [.. Enumerable.Range(0, Commits).Select(i => CommitAsync(sessions, $"session{i}", 1))];
        // Each has two keys, the workflow and the index.
        await UntilAsync(async () => (long)(await master.DoAsync("DBSIZE"))! >= before + (2 * Commits));
        replica.Thaw();
        await Task.WhenAll(waiting);

        string calls = Calls().Match((string)(await master.DoAsync("INFO", "commandstats"))!).Groups["calls"].Value;
        await TestContext.Out.WriteLineAsync($"{Commits} commits, {calls} times WAIT.");
        Assert.That(int.Parse(calls, CultureInfo.InvariantCulture), Is.LessThan(Commits / 2));
    }

    [Test]
    public async Task Second_connection_is_made_by_the_first_commit_that_waits_and_closed_with_the_factory()
    {
        using RedisServer master = await RedisServer.StartAsync(NoDelay);
        using RedisServer replica = await ReplicaAsync(master);
        await using ConnectionMultiplexer connection = await ConnectAsync(master);
        int connections = await CountAsync();
        using (RedisSessionStoreFactory others = new(connection))
        {
            await CommitAsync(others, "alice", 1);
            Assert.That(await CountAsync(), Is.EqualTo(connections));
        }

        RedisSessionStoreFactory sessions = Sessions(connection);
        await Reading.ReadAsync(sessions.Open, "alice");
        Assert.That(await CountAsync(), Is.EqualTo(connections));
        await CommitAsync(sessions, "alice", 2);
        Assert.That(await CountAsync(), Is.GreaterThan(connections));
        Assert.That(await ClientsAsync(master), Does.Contain(WaitingClient));
        sessions.Dispose();
        await UntilAsync(async () => await CountAsync() == connections);

        async Task<int> CountAsync() => (await ClientsAsync(master)).Split('\n', StringSplitOptions.RemoveEmptyEntries).Length;
    }

    [TestCase(-1)]
    [TestCase(11)]
    public void Number_of_replicas_out_of_range_is_refused(int replicas)
    {
        ArgumentException? error = Assert.Catch<ArgumentException>(() =>
            new RedisSessionStoreOptions { WaitForReplicas = replicas }.ThrowIfInvalid()
        );
        Assert.That(error!.Message, Does.Contain("WaitForReplicas must be from 0"));
    }

    [GeneratedRegex(@"(?m)^id=(?<id>\d+) .*name=workflowsessions-wait-", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1_000)]
    private static partial Regex WaitingClients();

    [GeneratedRegex(@"cmdstat_wait:calls=(?<calls>\d+)", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1_000)]
    private static partial Regex Calls();

    private static Task<ConnectionMultiplexer> ConnectAsync(params RedisServer[] servers) =>
        ConnectionMultiplexer.ConnectAsync($"{string.Join(',', servers.Select(server => server.Address))},{Client}");

    private static RedisSessionStoreFactory Sessions(ConnectionMultiplexer connection, TimeSpan? timeout = null) =>
        new(connection, new RedisSessionStoreOptions { WaitForReplicas = 1, CommandTimeout = timeout ?? TimeSpan.FromSeconds(2) });

    private static async Task<RedisServer> ReplicaAsync(RedisServer master, params string[] arguments)
    {
        RedisServer replica = await RedisServer.StartAsync([.. arguments, "--replicaof", $"127.0.0.1 {master.Port}"]);
        await UntilAsync(async () => (await ReplicationAsync(master)).Contains("state=online", StringComparison.Ordinal));
        return replica;
    }

    /// <summary>Sends a replica away, so that it does not get in again.</summary>
    private static async Task CutAsync(RedisServer master, RedisServer replica)
    {
        await replica.DoAsync("CONFIG", "SET", "masterauth", "wrong");
        await master.DoAsync("CLIENT", "KILL", "TYPE", "replica");
        await UntilAsync(async () => (await ReplicationAsync(master)).Contains("connected_slaves:0", StringComparison.Ordinal));
    }

    private static async Task CommitAsync(RedisSessionStoreFactory sessions, string session, int value)
    {
        WorkflowSession workflow = new(sessions.Open(session), "checkout");
        await workflow.LoadAsync();
        workflow.Set("x", value);
        await workflow.CommitAsync();
    }

    private static async Task EndAsync(RedisSessionStoreFactory sessions, string session)
    {
        WorkflowSession workflow = new(sessions.Open(session), "checkout");
        await workflow.LoadAsync();
        workflow.End();
        await workflow.CommitAsync();
    }

    private static async Task<bool> TryAsync(Func<Task> commit)
    {
        try
        {
            await commit();
            return true;
        }
        catch (SessionStoreException)
        {
            return false;
        }
    }

    /// <summary>The entry of alice as a server has it, which may be a replica; 0 when it has none.</summary>
    private static async Task<int> StoredAsync(RedisServer server)
    {
        const string Root = "workflowsessions:v2:{K9gGyX8OAK8aH8Myj6djqQ}:checkout";
        string? value = (string?)await server.DoAsync("HGET", Root, ".x");
        return value is null ? 0 : int.Parse(value.AsSpan(1), CultureInfo.InvariantCulture);
    }

    private static async Task<string> ReplicationAsync(RedisServer server) => (string)(await server.DoAsync("INFO", "replication"))!;

    private static async Task<string> ClientsAsync(RedisServer server) =>
        (string)(await server.DoAsync("CLIENT", "LIST", "TYPE", "normal"))!;

    private static async Task<long> OffsetAsync(RedisServer server)
    {
        const string Name = "master_repl_offset:";
        string line = (await ReplicationAsync(server)).Split("\r\n").Single(line => line.StartsWith(Name, StringComparison.Ordinal));
        return long.Parse(line.AsSpan(Name.Length), CultureInfo.InvariantCulture);
    }

    private static async Task UntilAsync(Func<Task<bool>> condition)
    {
        using CancellationTokenSource limit = new(TimeSpan.FromMinutes(3));
        while (!await condition())
        {
            await Task.Delay(5, limit.Token);
        }
    }
}
