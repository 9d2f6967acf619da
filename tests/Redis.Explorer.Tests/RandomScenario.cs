namespace WorkflowSessions.Redis.Explorer;

/// <summary>Scenarios of three clients with random programs.</summary>
internal static class RandomScenario
{
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
        "load w; pause; inc w",
        "end w; set w",
        "end w; end w",
    ];

    private static readonly TimeSpan Hour = TimeSpan.FromHours(1);

    public static Scenario Of(Random random) =>
        new("Random", Program(random, 3), Program(random, 3), Program(random, 2))
        {
            Before = random.Next(2) == 0 ? "" : "set w | set v",
            Workflows = ["w", "v"],
            Age = TimeSpan.FromMinutes(random.Next(2) * 10),
            IdleTimeout = random.Next(4) == 0 ? TimeSpan.FromSeconds(random.Next(2, 150)) : TimeSpan.FromMinutes(20),
            AbsoluteTimeout = random.Next(4) == 0 ? TimeSpan.FromMinutes(15) : null,
            ClockOffsets = [Hour * random.Next(-1, 2), Hour * random.Next(-1, 2), TimeSpan.Zero],
            Passes = random.Next(2) == 0 ? [] : [TimeSpan.FromSeconds(random.Next(1, 200)), TimeSpan.FromMinutes(random.Next(1, 25))],
            Suspensions = random.Next(4) == 0 ? [TimeSpan.FromSeconds(random.Next(1, 200))] : [],
            OneNode = random.Next(4) == 0,
        };

    private static string Program(Random random, int longest) =>
        string.Join(" | ", Enumerable.Range(0, random.Next(1, longest + 1)).Select(_ => Steps[random.Next(Steps.Length)]));
}
