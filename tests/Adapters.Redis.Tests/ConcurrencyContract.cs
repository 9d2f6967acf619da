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
        Assert.That(await LostOfTrialsAsync(harness.Open, node, harness.Prefix), Is.Zero);
    }

    [Test]
    public async Task Updates_of_64_writers_in_two_processes_are_all_counted()
    {
        await using RedisHarness harness = new(options => options.TimeProvider = TimeProvider.System, Connection);
        using Node node = Node.Start(await AddressAsync(), harness.Prefix);
        Task<string> there = node.DoAsync("increment counted 32 100");
        RedisSessionStoreFactory sessions = new(Connection, new RedisSessionStoreOptions { KeyPrefix = harness.Prefix });
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
        (int back, int first, int late) = await RaceEndAsync(harness.Open, node, harness.Prefix, Races);
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

    private protected async Task<int> LostOfTrialsAsync(Func<string, ISessionStore> open, Node node, string prefix)
    {
        int lost = 0;
        for (int i = 0; i < Trials; i++)
        {
            string session = $"{prefix}trial{i}";
            WorkflowSession mine = new(open(session), "checkout");
            await mine.LoadAsync();
            mine.Set("before", "x");
            await mine.CommitAsync();
            Assert.That(await node.DoAsync($"load {session}"), Is.EqualTo("done"));
            mine.Set("here", "x");
            Task<string> there = node.DoAsync("commit there x");
            await Task.WhenAll(CommitAsync(mine), there);
            await mine.LoadAsync();
            lost += mine.Count == 3 ? 0 : 1;
        }

        return lost;

        // The broken store may also refuse.
        static async Task CommitAsync(WorkflowSession workflow)
        {
            try
            {
                await workflow.CommitAsync();
            }
            catch (WorkflowConflictException)
            {
                workflow.End();
                await workflow.CommitAsync();
            }
        }
    }

    private protected static async Task<(int Back, int First, int Late)> RaceEndAsync(
        Func<string, ISessionStore> open,
        Node node,
        string prefix,
        int races
    )
    {
        int back = 0,
            first = 0,
            late = 0;
        for (int i = 0; i < races; i++)
        {
            string session = $"{prefix}race{i}";
            WorkflowSession mine = new(open(session), "checkout");
            await mine.LoadAsync();
            mine.Set("x", 1);
            await mine.CommitAsync();
            Assert.That(await node.DoAsync($"load {session}"), Is.EqualTo("done"));
            mine.End();
            Task<string> there = node.DoAsync("commit x 2");
            await mine.CommitAsync();
            if (string.Equals(await there, "done", StringComparison.Ordinal))
            {
                first++;
            }
            else
            {
                late++;
            }

            await mine.LoadAsync();
            back += mine.LastModified is null ? 0 : 1;
        }

        return (back, first, late);
    }
}
