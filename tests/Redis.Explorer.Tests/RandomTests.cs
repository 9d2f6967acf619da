using WorkflowSessions.Contracts;

namespace WorkflowSessions.Redis.Explorer;

/// <summary>Three nodes, more operations and more faults, at random.</summary>
public sealed class RandomTests
{
    private const int Faults = 4;
    private const int SchedulesPerScenario = 20;

    private static readonly string[] Steps =
    [
        "set w",
        "set w",
        "inc w",
        "inc w",
        "inc v",
        "set v",
        "end w",
        "updend w",
        "endset w",
        "clearset w",
        "load w",
        "list",
        "endall",
        "set w; set w",
        "load w; pause; set w",
        "end w; set w",
        "end w; end w",
    ];

    [Test]
    public void No_random_schedule_breaks_a_promise()
    {
        ulong seed = RandomInput.Seed();
        using Server server = ExplorerServer.Open();
        int scenarios = ScheduleExplorer.Budget / 5 / SchedulesPerScenario;
        for (int i = 0; i < scenarios; i++)
        {
            Scenario scenario = Of(new Random(unchecked((int)(seed + (ulong)i))));
            ScheduleExplorer.Sample(server, scenario, Faults, withTimeouts: true, SchedulesPerScenario, seed + (ulong)i);
        }

        TestContext.Out.WriteLine($"{scenarios} random scenarios, {SchedulesPerScenario} schedules each.");
    }

    private static Scenario Of(Random random)
    {
        TimeSpan hour = TimeSpan.FromHours(1);
        return new Scenario("Random", Program(random, 3), Program(random, 3), Program(random, 2))
        {
            Before = random.Next(2) == 0 ? "" : "set w | set v",
            Workflows = ["w", "v"],
            Age = TimeSpan.FromMinutes(random.Next(2) * 10),
            ClockOffsets = [hour * random.Next(-1, 2), hour * random.Next(-1, 2), TimeSpan.Zero],
            Passes = random.Next(2) == 0 ? [] : [TimeSpan.FromSeconds(random.Next(1, 200)), TimeSpan.FromMinutes(random.Next(1, 25))],
        };
    }

    private static string Program(Random random, int longest) =>
        string.Join(" | ", Enumerable.Range(0, random.Next(1, longest + 1)).Select(_ => Steps[random.Next(Steps.Length)]));
}
