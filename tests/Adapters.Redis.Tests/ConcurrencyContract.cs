using StackExchange.Redis;
using WorkflowSessions.Contracts;
using WorkflowSessions.Redis.Worker;

namespace WorkflowSessions.Redis.Tests;

/// <summary>What is promised of requests at the same time, tried from two processes.</summary>
public abstract class ConcurrencyContract
{
    protected virtual int Trials => 300;

    protected virtual int Races => 1_000;

    protected virtual ConnectionMultiplexer Connection => RedisHarness.Connection;

    protected virtual Task<string> AddressAsync() => RedisServer.SharedAddressAsync();

    [Test]
    public async Task Parallel_requests_that_write_different_keys_lose_nothing()
    {
        await using RedisHarness harness = new(connection: Connection);
        using Node node = Node.Start(await AddressAsync(), harness.Prefix);
        int lost = 0;
        for (int i = 0; i < Trials; i++)
        {
            lost += await LosesAsync(harness.Open, node, $"trial{i}", BothAsync) ? 1 : 0;
        }

        Assert.That(lost, Is.Zero);

        static Task BothAsync(WorkflowSession mine, Func<Task<string>> there) => Task.WhenAll(there(), mine.CommitAsync().AsTask());
    }

    [Test]
    public async Task Updates_of_64_writers_in_two_processes_are_all_counted()
    {
        await using RedisHarness harness = new(
            options =>
            {
                options.TimeProvider = TimeProvider.System;
                options.UpdateTimeout = Counting.UpdateTimeout;
            },
            Connection
        );
        using Node node = Node.Start(await AddressAsync(), harness.Prefix);
        Task<string> there = node.DoAsync("increment counted 32 100");
        RedisSessionStoreFactory sessions = new(Connection, Counting.Options(harness.Prefix));
        await Counting.IncrementAsync(sessions, "counted", 32, 100);
        Assert.That(await there, Is.EqualTo("done"));
        WorkflowSession counter = new(harness.Open("counted"), "checkout");
        await counter.LoadAsync();
        Assert.That(counter.Get<int>("n"), Is.EqualTo(6_400));
    }

    [Test]
    public async Task Ended_workflow_never_comes_back_by_a_late_commit()
    {
        await using RedisHarness harness = new(connection: Connection);
        using Node node = Node.Start(await AddressAsync(), harness.Prefix);
        int back = 0,
            first = 0,
            late = 0;
        for (int i = 0; i < Races; i++)
        {
            WorkflowSession mine = await LoadedAsync(harness.Open, node, $"race{i}");
            mine.End();
            Task<string> there = node.DoAsync("commit x 2");
            await mine.CommitAsync();
            bool wasFirst = await there == "done";
            first += wasFirst ? 1 : 0;
            late += wasFirst ? 0 : 1;
            back += await IsStoredAsync(mine) ? 1 : 0;
        }

        await TestContext.Out.WriteLineAsync($"Of {Races} commits {first} came before the end, {late} were refused.");
        Assert.That(back, Is.Zero);
        Assert.That(first + late, Is.EqualTo(Races));
    }

    [Test]
    public async Task Two_first_writers_in_two_processes_both_win()
    {
        await using RedisHarness harness = new(connection: Connection);
        using Node node = Node.Start(await AddressAsync(), harness.Prefix);
        for (int i = 0; i < 100; i++)
        {
            Assert.That(await node.DoAsync($"load first{i}"), Is.EqualTo("done"));
            WorkflowSession mine = new(harness.Open($"first{i}"), "checkout");
            await mine.LoadAsync();
            mine.Set("here", "x");
            Task<string> there = node.DoAsync("commit there x");
            await mine.CommitAsync();
            Assert.That(await there, Is.EqualTo("done"));
            await mine.LoadAsync();
            Assert.That(mine.Count, Is.EqualTo(2));
        }
    }

    [Test]
    public async Task Commits_of_one_workflow_never_disturb_another_process_in_another()
    {
        await using RedisHarness harness = new(connection: Connection);
        using Node node = Node.Start(await AddressAsync(), harness.Prefix);
        Assert.That(await node.DoAsync("load shared"), Is.EqualTo("done"));
        WorkflowSession other = new(harness.Open("shared"), "registration");
        await other.LoadAsync();
        for (int i = 0; i < 100; i++)
        {
            Task<string> there = node.DoAsync($"commit key{i} x");
            other.Set("step", i);
            await other.CommitAsync();
            if (i % 10 == 9)
            {
                other.End();
                await other.CommitAsync();
            }

            Assert.That(await there, Is.EqualTo("done"));
        }

        WorkflowSession checkout = new(harness.Open("shared"), "checkout");
        await checkout.LoadAsync();
        Assert.That(checkout.Count, Is.EqualTo(100));
    }

    /// <summary>Two requests that write different keys of one workflow, one of them on the other node.</summary>
    /// <param name="open">Opens a session here.</param>
    /// <param name="node">The other node.</param>
    /// <param name="session">The session.</param>
    /// <param name="commitBoth">Commits both: the workflow here, and the one there by what it is given.</param>
    /// <returns>Whether one of the writes is not there afterwards.</returns>
    private protected static async Task<bool> LosesAsync(
        Func<string, ISessionStore> open,
        Node node,
        string session,
        Func<WorkflowSession, Func<Task<string>>, Task> commitBoth
    )
    {
        WorkflowSession mine = await LoadedAsync(open, node, session);
        mine.Set("here", "x");
        await commitBoth(mine, () => node.DoAsync("commit there x"));
        await mine.LoadAsync();
        return mine.Count < 3;
    }

    /// <summary>Stores a workflow with one entry, and loads it on the other node too.</summary>
    private protected static async Task<WorkflowSession> LoadedAsync(Func<string, ISessionStore> open, Node node, string session)
    {
        WorkflowSession mine = new(open(session), "checkout");
        await mine.LoadAsync();
        mine.Set("x", 1);
        await mine.CommitAsync();
        Assert.That(await node.DoAsync($"load {session}"), Is.EqualTo("done"));
        return mine;
    }

    private protected static async Task<bool> IsStoredAsync(WorkflowSession workflow)
    {
        await workflow.LoadAsync();
        return workflow.LastModified is not null;
    }
}
