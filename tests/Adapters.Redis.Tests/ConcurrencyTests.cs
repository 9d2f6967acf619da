using WorkflowSessions.Redis.Worker;

namespace WorkflowSessions.Redis.Tests;

/// <summary>The promises on one server, and the same trials on a store that is broken on purpose.</summary>
[TestFixture]
public sealed class ConcurrencyTests : ConcurrencyContract
{
    [Test]
    public async Task Store_that_writes_the_whole_workflow_loses_a_write_and_the_trial_tells()
    {
        (NonAtomicFactory sessions, Node other) = await BrokenAsync();
        using Node node = other;
        bool loses = await LosesAsync(
            sessions.Open,
            node,
            $"{Guid.NewGuid():N}",
            async (mine, there) =>
            {
                sessions.Between = there;
                await mine.CommitAsync();
            }
        );
        Assert.That(loses, Is.True);
    }

    [Test]
    public async Task Store_that_compares_and_writes_in_two_steps_counts_too_few()
    {
        (NonAtomicFactory sessions, Node other) = await BrokenAsync();
        using Node node = other;
        string session = $"{Guid.NewGuid():N}";
        sessions.Between = () => node.DoAsync($"increment {session} 1 1");
        await Counting.IncrementAsync(sessions, session, 1, 1);
        WorkflowSession counter = new(sessions.Open(session), "checkout");
        await counter.LoadAsync();
        Assert.That(counter.Get<int>("n"), Is.EqualTo(1), "two were acknowledged");
    }

    [Test]
    public async Task Store_that_writes_the_whole_workflow_brings_an_ended_one_back()
    {
        (NonAtomicFactory sessions, Node other) = await BrokenAsync();
        using Node node = other;
        WorkflowSession mine = await LoadedAsync(sessions.Open, node, $"{Guid.NewGuid():N}");
        mine.Set("x", 2);
        sessions.Between = () => node.DoAsync("end");
        await mine.CommitAsync();
        Assert.That(await IsStoredAsync(mine), Is.True);
    }

    /// <summary>A store that is broken on purpose, here and on another node. The tests decide what comes between its two steps.</summary>
    private async Task<(NonAtomicFactory Sessions, Node Node)> BrokenAsync() =>
        (new NonAtomicFactory(Connection), Node.Start(await AddressAsync(), "", broken: true));
}
