using WorkflowSessions.Contracts;

namespace WorkflowSessions.Redis.Explorer;

/// <summary>Three nodes, more operations and more faults, at random.</summary>
public sealed class RandomTests
{
    internal const int Faults = 4;

    // Parts run in parallel.
    private const int Parts = 8;
    private const int SchedulesPerScenario = 20;

    [Test]
    public void No_random_schedule_breaks_a_promise([Range(1, Parts)] int part)
    {
        ulong seed = RandomInput.Seed() + ((ulong)part << 32);
        using Server server = ExplorerServer.Open();
        int scenarios = ScheduleExplorer.Budget / 5 / Parts / SchedulesPerScenario;
        for (int i = 0; i < scenarios; i++)
        {
            ulong seedOfScenario = seed + (ulong)i;
            Random random = new(seedOfScenario.GetHashCode());
            ScheduleExplorer.Sample(server, RandomScenario.Of(random), Faults, withTimeouts: true, SchedulesPerScenario, seedOfScenario);
        }

        TestContext.Out.WriteLine($"{scenarios} random scenarios, {SchedulesPerScenario} schedules each.");
    }
}
