using System.Diagnostics;
using System.Globalization;
using StackExchange.Redis;
using WorkflowSessions.Contracts;

namespace WorkflowSessions.Redis.Tests;

/// <summary>A server that stands still, is full, forgets, or turns its clients away, under load.</summary>
public sealed class ServerFaultTests
{
    private const string Options = "abortConnect=false,connectTimeout=1000";

    // Where nothing may fail, no slow machine may make it.
    private static readonly RedisSessionStoreOptions Patient = new()
    {
        CommandTimeout = TimeSpan.FromMinutes(1),
        UpdateTimeout = TimeSpan.FromMinutes(2),
    };

    [Test]
    public async Task Frozen_server_loses_no_acknowledged_commit()
    {
        using RedisServer server = await RedisServer.StartAsync();
        await using ConnectionMultiplexer connection = await ConnectionMultiplexer.ConnectAsync($"{server.Address},{Options}");
        RedisSessionStoreFactory sessions = new(connection, new RedisSessionStoreOptions { CommandTimeout = TimeSpan.FromSeconds(2) });
        WorkflowSession workflow = await LoadedAsync(sessions);
        await using Traffic traffic = await Traffic.StartAsync(sessions);
        server.Freeze();
        long begun = Stopwatch.GetTimestamp();
        SessionStoreException? error = await Assert.ThrowsAsync<SessionStoreException>(async () => await workflow.CommitAsync());
        TimeSpan waited = Stopwatch.GetElapsedTime(begun);
        Assert.That(error!.MayBeStored, Is.True);
        await traffic.FailedAsync();
        TimeSpan frozen = Stopwatch.GetElapsedTime(begun);
        // Until here it was frozen, so that both waits ended without an answer.
        server.Thaw();
        TimeSpan back = await traffic.BackAsync();
        await traffic.MoreAsync(500);
        await TestContext.Out.WriteLineAsync(
            $"A commit waited {waited.TotalSeconds:0.0} s ({error.InnerException!.GetType().Name}), and is {(await StoredAsync(sessions) ? "" : "not ")}stored."
        );
        await traffic.EndAsync($"Frozen for {frozen.TotalSeconds:0.0} s, back after {back.TotalSeconds:0.0} s.");
    }

    [Test]
    public async Task Full_memory_refuses_every_commit_under_load_until_there_is_room()
    {
        using RedisServer server = await RedisServer.StartAsync("--maxmemory-policy", "noeviction");
        await using ConnectionMultiplexer admin = await ConnectionMultiplexer.ConnectAsync(
            $"{server.Address},allowAdmin=true,asyncTimeout=60000"
        );
        await using ConnectionMultiplexer connection = await ConnectionMultiplexer.ConnectAsync($"{server.Address},{Options}");
        await using Traffic traffic = await Traffic.StartAsync(new RedisSessionStoreFactory(connection, Patient));
        await admin.GetDatabase().ExecuteAsync("CONFIG", "SET", "maxmemory", "1kb");
        await traffic.UntilAsync(() => traffic.Refused.Count > 200);
        await admin.GetDatabase().ExecuteAsync("CONFIG", "SET", "maxmemory", "0");
        TimeSpan back = await traffic.BackAsync();
        await traffic.MoreAsync(500);
        await traffic.EndAsync($"Full, back after {back.TotalSeconds:0.0} s.");
        Assert.That(traffic.Refused.Select(attempt => attempt.Reason), Is.All.EqualTo("OOM"));
        Assert.That(traffic.Unknown, Is.Empty);
    }

    [Test]
    public async Task Evicted_workflows_have_ended_and_none_comes_back_by_half()
    {
        using RedisServer server = await RedisServer.StartAsync("--maxmemory-policy", "allkeys-lru");
        await using ConnectionMultiplexer admin = await ConnectionMultiplexer.ConnectAsync(
            $"{server.Address},allowAdmin=true,asyncTimeout=60000"
        );
        await using ConnectionMultiplexer connection = await ConnectionMultiplexer.ConnectAsync($"{server.Address},{Options}");
        RedisSessionStoreFactory sessions = new(connection, Patient);
        IReadOnlyList<WorkflowSession> old = await OldAsync(sessions);
        await using Traffic traffic = await Traffic.StartAsync(sessions);
        long room = await InfoAsync("memory", "used_memory") + 1_000_000;
        await admin.GetDatabase().ExecuteAsync("CONFIG", "SET", "maxmemory", room);
        while (await InfoAsync("stats", "evicted_keys") < 1_000)
        {
            await traffic.MoreAsync(100);
        }

        int ended = await CommitLateAsync(sessions, old);
        // Which keys the server evicts is its own choice.
        await traffic.EndAsync(
            $"Evicted {await InfoAsync("stats", "evicted_keys")} keys, {ended} late commits of {old.Count} refused.",
            _ => true
        );
        Assert.That(traffic.Refused.Select(attempt => attempt.Reason), Is.All.EqualTo("Ended"));
        Assert.That(traffic.Unknown, Is.Empty);

        async Task<long> InfoAsync(string section, string field)
        {
            string info = (string)(await admin.GetDatabase().ExecuteAsync("INFO", section))!;
            string line = info.Split("\r\n").Single(line => line.StartsWith($"{field}:", StringComparison.Ordinal));
            return long.Parse(line.Split(':')[1], CultureInfo.InvariantCulture);
        }
    }

    [Test]
    public async Task Flushed_workflows_have_ended_and_new_ones_begin()
    {
        using RedisServer server = await RedisServer.StartAsync();
        await using ConnectionMultiplexer admin = await ConnectionMultiplexer.ConnectAsync(
            $"{server.Address},allowAdmin=true,asyncTimeout=60000"
        );
        await using ConnectionMultiplexer connection = await ConnectionMultiplexer.ConnectAsync($"{server.Address},{Options}");
        RedisSessionStoreFactory sessions = new(connection, Patient);
        IReadOnlyList<WorkflowSession> old = await OldAsync(sessions);
        await using Traffic traffic = await Traffic.StartAsync(sessions);
        long before = Stopwatch.GetTimestamp();
        await admin.GetDatabase().ExecuteAsync("FLUSHALL");
        await admin.GetDatabase().ExecuteAsync("SCRIPT", "FLUSH");
        long flushed = Stopwatch.GetTimestamp();
        TimeSpan back = await traffic.BackAsync();
        int ended = await CommitLateAsync(sessions, old);
        await traffic.MoreAsync(500);
        IReadOnlyCollection<Traffic.Attempt> lost = await traffic.EndAsync(
            $"Flushed, back after {back.TotalSeconds:0.0} s, {ended} late commits of {old.Count} refused.",
            attempt => attempt.Begun < flushed
        );
        Assert.That(ended, Is.EqualTo(old.Count));
        Assert.That(
            lost.Count(attempt => attempt.Ended < before),
            Is.EqualTo(traffic.Acknowledged.Count(attempt => attempt.Ended < before && !attempt.Counts))
        );
        Assert.That(traffic.Refused.Select(attempt => attempt.Reason), Is.All.EqualTo("Ended"));
        Assert.That(traffic.Unknown, Is.Empty);
    }

    [Test]
    public async Task Scripts_that_are_forgotten_again_and_again_fail_no_commit()
    {
        using RedisServer server = await RedisServer.StartAsync();
        await using ConnectionMultiplexer admin = await ConnectionMultiplexer.ConnectAsync(
            $"{server.Address},allowAdmin=true,asyncTimeout=60000"
        );
        await using ConnectionMultiplexer connection = await ConnectionMultiplexer.ConnectAsync($"{server.Address},{Options}");
        await using Traffic traffic = await Traffic.StartAsync(new RedisSessionStoreFactory(connection, Patient));
        for (int i = 0; i < 50; i++)
        {
            await admin.GetDatabase().ExecuteAsync("SCRIPT", "FLUSH");
            await traffic.MoreAsync(20);
        }

        await traffic.EndAsync("Scripts forgotten 50 times.");
        Assert.That(traffic.Refused, Is.Empty);
        Assert.That(traffic.Unknown, Is.Empty);
    }

    [Test]
    public async Task Clients_that_are_killed_again_and_again_lose_no_acknowledged_commit()
    {
        using RedisServer server = await RedisServer.StartAsync();
        await using ConnectionMultiplexer admin = await ConnectionMultiplexer.ConnectAsync(
            $"{server.Address},allowAdmin=true,asyncTimeout=60000"
        );
        await using ConnectionMultiplexer connection = await ConnectionMultiplexer.ConnectAsync($"{server.Address},{Options}");
        RedisSessionStoreFactory sessions = new(connection, Patient);
        await using Traffic traffic = await Traffic.StartAsync(sessions);
        TimeSpan longest = TimeSpan.Zero;
        for (int i = 0; i < 20; i++)
        {
            await admin.GetDatabase().ExecuteAsync("CLIENT", "KILL", "TYPE", "normal");
            TimeSpan back = await traffic.BackAsync();
            longest = back > longest ? back : longest;
            await traffic.MoreAsync(20);
        }

        await traffic.EndAsync($"Clients killed 20 times, back after {longest.TotalSeconds:0.00} s at most.");
        Assert.That(traffic.Unknown, Is.Empty);
    }

    [TestCase("CONFIG SET requirepass changed", "CLIENT KILL TYPE normal", "CONFIG SET requirepass pass")]
    [TestCase("ACL SETUSER shop resetpass >changed", "CLIENT KILL USER shop", "ACL SETUSER shop resetpass >pass")]
    public async Task Changed_password_acknowledges_nothing_until_it_is_set_back(string change, string kill, string back)
    {
        using RedisServer server = await RedisServer.StartAsync("--requirepass", "pass");
        await using ConnectionMultiplexer admin = await ConnectionMultiplexer.ConnectAsync(
            $"{server.Address},allowAdmin=true,asyncTimeout=60000,password=pass"
        );
        await DoAsync("ACL SETUSER shop on >pass ~* &* +@all");
        string user = kill.EndsWith("shop", StringComparison.Ordinal) ? ",user=shop" : "";
        await using ConnectionMultiplexer connection = await ConnectionMultiplexer.ConnectAsync(
            $"{server.Address},{Options},password=pass{user}"
        );
        RedisSessionStoreFactory sessions = new(connection, new RedisSessionStoreOptions { CommandTimeout = TimeSpan.FromSeconds(1) });
        WorkflowSession workflow = await LoadedAsync(sessions);
        await using Traffic traffic = await Traffic.StartAsync(sessions);
        await DoAsync(change);
        await DoAsync(kill);
        // What was on its way when the connections ended has ended too.
        await traffic.FailedAsync();
        int acknowledged = traffic.Acknowledged.Count;
        SessionStoreException? error = await Assert.ThrowsAsync<SessionStoreException>(async () => await workflow.CommitAsync());
        await traffic.FailedAsync();
        await traffic.FailedAsync();
        Assert.That(traffic.Acknowledged, Has.Count.EqualTo(acknowledged));

        await DoAsync(back);
        TimeSpan after = await traffic.BackAsync();
        bool stored = await StoredAsync(sessions);
        await TestContext.Out.WriteLineAsync(
            $"A commit: {error!.InnerException!.GetType().Name}, {nameof(error.MayBeStored)} {error.MayBeStored}, and is {(stored ? "" : "not ")}stored."
        );
        // The client keeps what it can't send yet, so that it may be stored when the password is right again.
        Assert.That(stored && !error.MayBeStored, Is.False);
        await traffic.EndAsync($"Password changed, back {after.TotalSeconds:0.0} s after it was set back.");

        Task DoAsync(string command)
        {
            string[] words = command.Split(' ');
            return admin.GetDatabase().ExecuteAsync(words[0], words[1..]);
        }
    }

    /// <summary>A workflow with a change that is not committed.</summary>
    private static async Task<WorkflowSession> LoadedAsync(RedisSessionStoreFactory sessions)
    {
        WorkflowSession workflow = await Reading.ReadAsync(sessions.Open, "alice");
        workflow.Set("x", 1);
        return workflow;
    }

    private static async Task<bool> StoredAsync(RedisSessionStoreFactory sessions) =>
        (await Reading.ReadAsync(sessions.Open, "alice")).Has("x");

    private static async Task<IReadOnlyList<WorkflowSession>> OldAsync(RedisSessionStoreFactory sessions)
    {
        List<WorkflowSession> workflows = [];
        for (int i = 0; i < 200; i++)
        {
            WorkflowSession workflow = new(sessions.Open($"old{i}"), "checkout");
            await workflow.LoadAsync();
            workflow.Set("a", i);
            workflow.Set("b", i);
            await workflow.CommitAsync();
            workflows.Add(workflow);
        }

        return workflows;
    }

    /// <summary>Commits one of the two entries of each workflow, which must be stored beside the other, or be refused and leave nothing.</summary>
    private static async Task<int> CommitLateAsync(RedisSessionStoreFactory sessions, IReadOnlyList<WorkflowSession> workflows)
    {
        int refused = 0;
        for (int i = 0; i < workflows.Count; i++)
        {
            workflows[i].Set("b", -1);
            bool ended = false;
            try
            {
                await workflows[i].CommitAsync();
            }
            catch (WorkflowConflictException conflict) when (conflict.Reason == WorkflowConflictReason.Ended)
            {
                ended = true;
                refused++;
            }

            WorkflowSession next = new(sessions.Open($"old{i}"), "checkout");
            await next.LoadAsync();
            // Also what was stored just now may be evicted.
            Assert.That(next.Count, Is.Zero.Or.EqualTo(ended ? 0 : 2));
        }

        return refused;
    }
}
