using StackExchange.Redis;
using WorkflowSessions.Contracts;

namespace WorkflowSessions.Redis.Tests;

/// <summary>Real faults of the server, and of what is stored in it.</summary>
public sealed class RedisFaultTests
{
    [Test]
    public async Task Server_that_is_killed_under_load_keeps_every_acknowledged_commit()
    {
        using RedisServer server = await RedisServer.StartAsync("--appendonly", "yes", "--appendfsync", "always");
        await using ConnectionMultiplexer connection = await ConnectionMultiplexer.ConnectAsync(
            $"{server.Address},abortConnect=false,connectTimeout=1000"
        );
        RedisSessionStoreFactory sessions = new(connection, new RedisSessionStoreOptions { CommandTimeout = TimeSpan.FromSeconds(2) });
        await using Traffic traffic = await Traffic.StartAsync(sessions);
        await traffic.MoreAsync(500);
        server.Kill();
        await traffic.UntilAsync(() => traffic.Refused.Count > 16);
        await server.RunAsync();
        TimeSpan back = await traffic.BackAsync();
        await traffic.MoreAsync(500);
        await traffic.EndAsync($"Killed and started again, back after {back.TotalSeconds:0.0} s.");
    }

    [Test]
    public async Task Server_that_keeps_nothing_loses_commits_and_the_log_tells()
    {
        using RedisServer server = await RedisServer.StartAsync();
        await using ConnectionMultiplexer connection = await ConnectionMultiplexer.ConnectAsync(
            $"{server.Address},abortConnect=false,connectTimeout=1000"
        );
        RedisSessionStoreFactory sessions = new(connection, new RedisSessionStoreOptions { CommandTimeout = TimeSpan.FromSeconds(2) });
        await using Traffic traffic = await Traffic.StartAsync(sessions);
        server.Kill();
        int before = traffic.Acknowledged.Count(attempt => !attempt.Counts);
        await server.RunAsync();
        await traffic.BackAsync();
        IReadOnlyCollection<Traffic.Attempt> lost = await traffic.EndAsync("Killed, with nothing on disk.", _ => true);
        Assert.That(lost, Has.Count.GreaterThanOrEqualTo(before));
    }

    [Test]
    public async Task Full_memory_refuses_a_commit_whole_and_allows_to_end()
    {
        using RedisServer server = await RedisServer.StartAsync("--maxmemory-policy", "noeviction");
        await using ConnectionMultiplexer connection = await ConnectionMultiplexer.ConnectAsync($"{server.Address},allowAdmin=true");
        RedisSessionStoreFactory sessions = new(connection);
        WorkflowSession workflow = new(sessions.Open("alice"), "checkout");
        await workflow.LoadAsync();
        workflow.Set("a", 1);
        workflow.Set("b", 1);
        await workflow.CommitAsync();
        await connection.GetDatabase().ExecuteAsync("CONFIG", "SET", "maxmemory", "1kb");
        workflow.Set("a", 2);
        workflow.Delete("b");
        WorkflowSession begun = new(sessions.Open("alice"), "begun");
        await begun.LoadAsync();
        begun.Set("x", 1);
        foreach (WorkflowSession refused in new[] { workflow, begun })
        {
            SessionStoreException? error = await Assert.ThrowsAsync<SessionStoreException>(async () => await refused.CommitAsync());
            Assert.That(error!.MayBeStored, Is.False);
            Assert.That(error.InnerException, Is.InstanceOf<RedisServerException>().With.Message.Contains("OOM"));
        }

        Assert.That((await sessions.Open("alice").ListAsync()).Select(listed => listed.Id), Is.EqualTo(new[] { "checkout" }));
        WorkflowSession next = new(sessions.Open("alice"), "checkout");
        await next.LoadAsync();
        Assert.That(next.GetAll(), Is.EquivalentTo(new Dictionary<string, object?> { ["a"] = 1, ["b"] = 1 }));
        next.End();
        await next.CommitAsync();
        await next.LoadAsync();
        Assert.That(next.LastModified, Is.Null);
    }

    [Test]
    public async Task Documented_permissions_are_enough_and_the_error_without_them_names_them()
    {
        const string Documented = "~workflowsessions:* +@hash +@sortedset +@keyspace +@scripting +@connection +info +time";
        using RedisServer server = await RedisServer.StartAsync();
        await using ConnectionMultiplexer admin = await ConnectionMultiplexer.ConnectAsync($"{server.Address},allowAdmin=true");
        await admin.GetDatabase().ExecuteAsync("ACL", ["SETUSER", "shop", "on", ">pass", .. Documented.Split(' ')]);
        await using ConnectionMultiplexer connection = await ConnectionMultiplexer.ConnectAsync(
            $"{server.Address},user=shop,password=pass"
        );
        RedisSessionStoreFactory sessions = new(connection);
        BufferedSessionStore session = sessions.Open("alice");
        WorkflowSession workflow = new(session, "checkout");
        await workflow.UpdateAsync(w => w.Set("x", 1));
        workflow.Set("y", 1);
        workflow.Delete("x");
        await workflow.CommitAsync();
        Assert.That((await session.ListAsync()).Select(listed => listed.Id), Is.EqualTo(new[] { "checkout" }));
        await session.EndAsync();

        await admin.GetDatabase().ExecuteAsync("ACL", "SETUSER", "shop", "-@scripting");
        workflow.Set("x", 1);
        SessionStoreException? error = await Assert.ThrowsAsync<SessionStoreException>(async () => await workflow.CommitAsync());
        Assert.That(error!.MayBeStored, Is.False);
        Assert.That(error.Message, Does.Contain(Documented[Documented.IndexOf('+', StringComparison.Ordinal)..]));
    }

    [Test]
    public async Task Server_that_forgot_the_scripts_gets_them_again()
    {
        using RedisServer server = await RedisServer.StartAsync();
        await using ConnectionMultiplexer connection = await ConnectionMultiplexer.ConnectAsync($"{server.Address},allowAdmin=true");
        RedisSessionStoreFactory sessions = new(connection);
        for (int i = 0; i < 3; i++)
        {
            WorkflowSession workflow = new(sessions.Open("alice"), "checkout");
            await workflow.UpdateAsync(w => w.Set("n", w.Get("n", 0) + 1));
            Assert.That(workflow.Get<int>("n"), Is.EqualTo(i + 1));
            await connection.GetDatabase().ExecuteAsync("SCRIPT", "FLUSH");
        }
    }

    [Test]
    public async Task Server_without_an_answer_is_waited_for_no_longer_than_the_options_say()
    {
        using RedisServer server = await RedisServer.StartAsync();
        await using ConnectionMultiplexer connection = await ConnectionMultiplexer.ConnectAsync($"{server.Address},allowAdmin=true");
        RedisSessionStoreFactory sessions = new(
            connection,
            new RedisSessionStoreOptions { CommandTimeout = TimeSpan.FromMilliseconds(300) }
        );
        RedisSessionStoreFactory patient = new(connection, new RedisSessionStoreOptions { CommandTimeout = TimeSpan.FromMinutes(1) });
        // A new session is not loaded from the server, which could take longer.
        BufferedSessionStore session = sessions.Open("alice");
        session.BeginOnFirstCommit(_ => ValueTask.CompletedTask);
        WorkflowSession workflow = new(session, "checkout");
        await workflow.LoadAsync();
        workflow.Set("x", 1);
        // The server answers nobody until both waits have ended.
        server.Freeze();
        SessionStoreException? error = await Assert.ThrowsAsync<SessionStoreException>(async () => await workflow.CommitAsync());
        Assert.That(error!.MayBeStored, Is.True);
        Assert.That(error.InnerException, Is.InstanceOf<TimeoutException>());
        Assert.That(error.Message, Does.Contain("CommandTimeout").And.Not.Contain("alice"));
        Assert.That(workflow.HasChanges, Is.True);
        using CancellationTokenSource source = new();
        Task load = new WorkflowSession(patient.Open("alice"), "checkout").LoadAsync(source.Token).AsTask();
        await source.CancelAsync();
        Assert.That(async () => await load, Throws.InstanceOf<OperationCanceledException>());
        server.Thaw();
    }

    [Test]
    public async Task Workflow_that_was_removed_between_load_and_commit_has_ended()
    {
        await using RedisHarness harness = new();
        WorkflowSession workflow = await StoredAsync(harness);
        await RedisHarness.Database.KeyDeleteAsync(harness.Key("checkout"));
        workflow.Set("x", 2);
        WorkflowConflictException? conflict = await Assert.ThrowsAsync<WorkflowConflictException>(async () => await workflow.CommitAsync());
        Assert.That(conflict!.Reason, Is.EqualTo(WorkflowConflictReason.Ended));
        WorkflowSession next = new(harness.Open("alice"), "checkout");
        await next.LoadAsync();
        Assert.That(next.LastModified, Is.Null);
    }

    [TestCase("SET KEY x")]
    [TestCase("HSET KEY .x i1")]
    [TestCase("HSET KEY # nonsense .x i1")]
    [TestCase("HSET KEY # a_1_2_3")]
    [TestCase("HSET KEY # a_1_2_3_4_5_x-y:1")]
    [TestCase("HSET KEY # 1_1_1_4102444800000_0")]
    [TestCase("HSET KEY # a_99999999999999999999_1_1_4102444800000_0")]
    [TestCase("HSET KEY # a_007_1_1_4102444800000_0")]
    [TestCase("HSET KEY # a_-1_1_1_4102444800000_0")]
    [TestCase("HSET KEY # a_1_+1_1_4102444800000_0")]
    [TestCase("HSET KEY # a_1_9007199254740992_1_4102444800000_0")]
    [TestCase("HSET KEY # a_1_9223372036854775807_1_4102444800000_0")]
    [TestCase("HSET KEY # a_1_1_+1_4102444800000_0")]
    [TestCase("HSET KEY # a_1_1_1_-9_0")]
    [TestCase("HSET KEY # a_1_1_1_4102444800000_-1")]
    [TestCase("HSET KEY # a_1_1_1_4102444800000_253402300800000")]
    [TestCase("HSET KEY # e_1_1_1_0_0 .x i1")]
    public async Task What_is_damaged_is_told_and_left_as_it_is(string command)
    {
        await using RedisHarness harness = new();
        WorkflowSession workflow = await StoredAsync(harness);
        WorkflowSession other = new(harness.Open("alice"), "other");
        await other.LoadAsync();
        other.Set("x", 1);
        await other.CommitAsync();
        RedisKey key = harness.Key("checkout");
        string[] words = command.Split(' ');
        await RedisHarness.Database.KeyDeleteAsync(key);
        await RedisHarness.Database.ExecuteAsync(words[0], [key, .. words.Skip(2).Select(word => (object)word.Replace('_', ' '))]);
        await RedisHarness.Database.KeyExpireAsync(key, TimeSpan.FromMinutes(1));
        byte[]? before = await RedisHarness.Database.KeyDumpAsync(key);

        SessionStoreException? error = await Assert.ThrowsAsync<SessionStoreException>(async () =>
            await new WorkflowSession(harness.Open("alice"), "checkout").LoadAsync()
        );
        Assert.That(error!.Message, Does.Contain("'checkout'").And.Contain("damaged").And.Not.Contain("alice"));
        Assert.That(error.MayBeStored, Is.False);
        workflow.Set("y", 1);
        Assert.That(async () => await workflow.CommitAsync(), Throws.InstanceOf<WorkflowSessionException>());
        Assert.That(await RedisHarness.Database.KeyDumpAsync(key), Is.EqualTo(before));
        await other.LoadAsync();
        Assert.That(other.Get<int>("x"), Is.EqualTo(1));
    }

    [Test]
    public async Task Field_that_no_commit_writes_is_told()
    {
        await using RedisHarness harness = new();
        await StoredAsync(harness);
        await RedisHarness.Database.HashSetAsync(harness.Key("checkout"), "stranger", "x");
        Assert.That(
            async () => await new WorkflowSession(harness.Open("alice"), "checkout").LoadAsync(),
            Throws.InstanceOf<SessionStoreException>().With.Message.Contains("damaged")
        );
    }

    [Test]
    public async Task Index_of_another_type_refuses_a_commit_whole()
    {
        await using RedisHarness harness = new();
        WorkflowSession workflow = await StoredAsync(harness);
        string index = harness.Keys().Single(key => key.EndsWith('}'));
        await RedisHarness.Database.StringSetAsync(index, "x", TimeSpan.FromMinutes(1));
        WorkflowSession begun = new(harness.Open("alice"), "begun");
        await begun.LoadAsync();
        begun.Set("x", 1);
        Assert.That(async () => await begun.CommitAsync(), Throws.InstanceOf<SessionStoreException>().With.Property("MayBeStored").False);
        workflow.End();
        Assert.That(async () => await workflow.CommitAsync(), Throws.InstanceOf<SessionStoreException>());
        WorkflowSession next = new(harness.Open("alice"), "checkout");
        await next.LoadAsync();
        Assert.That(next.Get<int>("x"), Is.EqualTo(1));
        Assert.That(harness.Keys(), Has.None.EndsWith(":begun"));
    }

    [Test]
    public async Task Session_that_lost_its_index_ends_for_those_who_know_it()
    {
        await using RedisHarness harness = new();
        byte[] secret = new byte[32];
        BufferedSessionStore session = (BufferedSessionStore)harness.Open("alice");
        await session.Secret.LoadAsync();
        Assert.That(await session.Secret.BeginAsync(secret), Is.True);
        await RedisHarness.Database.KeyDeleteAsync(harness.Keys().Single(key => key.EndsWith('}')));
        await session.EndAsync();
        SessionSecret record = ((BufferedSessionStore)harness.Open("alice")).Secret;
        await record.LoadAsync();
        Assert.That(record.Exists, Is.False);
    }

    private static async Task<WorkflowSession> StoredAsync(RedisHarness harness)
    {
        WorkflowSession workflow = new(harness.Open("alice"), "checkout");
        await workflow.LoadAsync();
        workflow.Set("x", 1);
        await workflow.CommitAsync();
        return workflow;
    }
}
