using WorkflowSessions.Redis.Worker;

namespace WorkflowSessions.Redis.Tests;

/// <summary>What is promised of requests at the same time, tried from two processes, and the same on a store that is broken on purpose.</summary>
public sealed class ConcurrencyTests
{
    private const int Trials = 300;
    private const int Races = 1_000;

    [Test]
    public async Task Parallel_requests_that_write_different_keys_lose_nothing()
    {
        await using RedisHarness harness = new();
        using Node node = await Node.StartAsync(harness.Prefix);
        Assert.That(await LostOfTrialsAsync(harness.Open, node, harness.Prefix), Is.Zero);
    }

    [Test]
    public async Task Store_that_writes_the_whole_workflow_loses_writes_and_the_trials_tell()
    {
        await using RedisHarness harness = new();
        using Node node = await Node.StartAsync(harness.Prefix, broken: true);
        int lost = await LostOfTrialsAsync(new NonAtomicFactory(RedisHarness.Connection).Open, node, harness.Prefix);
        await TestContext.Out.WriteLineAsync($"A store that writes the whole workflow lost a write in {lost} of {Trials} trials.");
        Assert.That(lost, Is.Positive);
    }

    [Test]
    public async Task Updates_of_64_writers_in_two_processes_are_all_counted()
    {
        await using RedisHarness harness = new(options => options.TimeProvider = TimeProvider.System);
        using Node node = await Node.StartAsync(harness.Prefix);
        Task<string> there = node.DoAsync("increment counted 32 100");
        RedisSessionStoreFactory sessions = new(RedisHarness.Connection, new RedisSessionStoreOptions { KeyPrefix = harness.Prefix });
        await Counting.IncrementAsync(sessions, "counted", 32, 100);
        Assert.That(await there, Is.EqualTo("done"));
        WorkflowSession counter = new(harness.Open("counted"), "checkout");
        await counter.LoadAsync();
        Assert.That(counter.Get<int>("n"), Is.EqualTo(6_400));
    }

    [Test]
    public async Task Store_that_compares_and_writes_in_two_steps_counts_too_few()
    {
        await using RedisHarness harness = new();
        using Node node = await Node.StartAsync(harness.Prefix, broken: true);
        NonAtomicFactory sessions = new(RedisHarness.Connection);
        string session = $"{harness.Prefix}counted";
        Task<string> there = node.DoAsync($"increment {session} 4 25");
        try
        {
            await Counting.IncrementAsync(sessions, session, 4, 25);
            await there;
            WorkflowSession counter = new(sessions.Open(session), "checkout");
            await counter.LoadAsync();
            Assert.That(counter.Get<int>("n"), Is.LessThan(200));
        }
        catch (WorkflowConflictException conflict)
        {
            // It deletes before it writes, so that a workflow may also seem to have ended.
            Assert.That(conflict.Reason, Is.EqualTo(WorkflowConflictReason.Ended));
        }
    }

    [Test]
    public async Task Ended_workflow_never_comes_back_by_a_late_commit()
    {
        await using RedisHarness harness = new();
        using Node node = await Node.StartAsync(harness.Prefix);
        (int back, int first, int late) = await RaceEndAsync(harness.Open, node, harness.Prefix, Races);
        await TestContext.Out.WriteLineAsync($"Of {Races} commits {first} came before the end, {late} were refused.");
        Assert.That(back, Is.Zero);
        Assert.That(first + late, Is.EqualTo(Races));
    }

    [Test]
    public async Task Store_that_writes_the_whole_workflow_brings_ended_ones_back()
    {
        await using RedisHarness harness = new();
        using Node node = await Node.StartAsync(harness.Prefix, broken: true);
        (int back, _, _) = await RaceEndAsync(new NonAtomicFactory(RedisHarness.Connection).Open, node, harness.Prefix, Races);
        await TestContext.Out.WriteLineAsync($"A store that writes the whole workflow brought {back} of {Races} back.");
        Assert.That(back, Is.Positive);
    }

    [Test]
    public async Task Two_first_writers_in_two_processes_both_win()
    {
        await using RedisHarness harness = new();
        using Node node = await Node.StartAsync(harness.Prefix);
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
        await using RedisHarness harness = new();
        using Node node = await Node.StartAsync(harness.Prefix);
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

    private static async Task<int> LostOfTrialsAsync(Func<string, ISessionStore> open, Node node, string prefix)
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

    private static async Task<(int Back, int First, int Late)> RaceEndAsync(
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
