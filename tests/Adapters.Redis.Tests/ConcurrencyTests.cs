using WorkflowSessions.Redis.Worker;

namespace WorkflowSessions.Redis.Tests;

/// <summary>The promises on one server, and the same trials on a store that is broken on purpose.</summary>
[TestFixture]
public sealed class ConcurrencyTests : ConcurrencyContract
{
    [Test]
    public async Task Store_that_writes_the_whole_workflow_loses_writes_and_the_trials_tell()
    {
        await using RedisHarness harness = new(connection: Connection);
        using Node node = Node.Start(await AddressAsync(), harness.Prefix, broken: true);
        int lost = await LostOfTrialsAsync(new NonAtomicFactory(Connection).Open, node, harness.Prefix);
        await TestContext.Out.WriteLineAsync($"A store that writes the whole workflow lost a write in {lost} of {Trials} trials.");
        Assert.That(lost, Is.Positive);
    }

    [Test]
    public async Task Store_that_compares_and_writes_in_two_steps_counts_too_few()
    {
        await using RedisHarness harness = new(connection: Connection);
        using Node node = Node.Start(await AddressAsync(), harness.Prefix, broken: true);
        NonAtomicFactory sessions = new(Connection);
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
    public async Task Store_that_writes_the_whole_workflow_brings_ended_ones_back()
    {
        await using RedisHarness harness = new(connection: Connection);
        using Node node = Node.Start(await AddressAsync(), harness.Prefix, broken: true);
        (int back, _, _) = await RaceEndAsync(new NonAtomicFactory(Connection).Open, node, harness.Prefix, Races);
        await TestContext.Out.WriteLineAsync($"A store that writes the whole workflow brought {back} of {Races} back.");
        Assert.That(back, Is.Positive);
    }
}
