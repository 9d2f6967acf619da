namespace WorkflowSessions.Redis.Explorer;

/// <summary>Two nodes, two or three operations, every schedule with up to two faults as far as the budget goes.</summary>
public sealed class ScenarioTests
{
    private const ulong Seed = 20_300_101;

    private static readonly TimeSpan Idle = TimeSpan.FromMinutes(20);
    private static readonly TimeSpan Hour = TimeSpan.FromHours(1);

    // Longer than any commit may be on its way, and longer than any number of a commit is remembered.
    private static readonly TimeSpan LongDelay = TimeSpan.FromMinutes(3);

    // Shorter than a commit may be on its way.
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(4);

    private static Scenario[] All { get; } =
    [
        new("An increment meets an increment", "inc w", "inc w") { Before = "set w" },
        new("An increment meets an increment late", "inc w", "inc w | inc w") { Before = "set w", Passes = [LongDelay] },
        new("A first increment meets a first increment", "inc w", "inc w"),
        new("A begin meets an end", "set w", "end w"),
        new("A begin meets an end late", "set w", "end w") { Passes = [LongDelay] },
        new("A begin meets an end soon", "set w", "end w") { Passes = [Soon] },
        new("A begin meets the end of the session", "set w", "endall"),
        new("A begin meets the end of the session soon", "set w", "endall") { Passes = [Soon] },
        new("A first increment meets the end of the session", "inc w", "endall"),
        new("An increment meets the end of the session", "inc w", "endall") { Before = "set w" },
        new("A refused increment meets the end of the session", "inc w", "set w | endall"),
        new("An update ends the workflow", "updend w", "load w") { Before = "set w" },
        new("Two updates end the workflow", "updend w", "updend w") { Before = "set w" },
        new("An end with a new begin meets another begin", "endset w", "end w | set w") { Before = "set w" },
        new("An end with a new begin meets the end of the session", "endset w", "endall | set w") { Before = "set w" },
        new("A clear of an absent workflow meets another begin", "clearset w", "end w | set w"),
        new("A clear of an absent workflow meets the end of the session", "clearset w", "endall | set w"),
        new("The end of the session meets a begin", "endall", "set w") { Before = "set w" },
        new("The end of the session meets two begins", "endall", "set w | set v") { Before = "set w", Workflows = ["w", "v"] },
        new("A second end in one request", "end w; end w", "end w | set w") { Before = "set w" },
        new("A second commit in one request", "set w; set w", "end w | set w") { Before = "set w" },
        new("A second commit in one request meets an end with a new begin", "set w; set w", "endset w") { Before = "set w" },
        new("A renewal follows a commit", "set w", "load w") { IdleTimeout = TimeSpan.FromSeconds(10), Passes = [TimeSpan.FromSeconds(3)] },
        new("A renewal is lost", "load w; pause; set w", "load w") { Before = "set w", Age = Idle * 0.7 },
        new("A begin expires before its resend", "set w", "set w")
        {
            IdleTimeout = TimeSpan.FromSeconds(2),
            Passes = [TimeSpan.FromSeconds(3)],
        },
        new("A renewal is late", "load w", "end w | set w")
        {
            Before = "set w",
            Age = Idle * 0.7,
            Passes = [Idle / 2],
        },
        new("A workflow reaches its deadline", "load w; set w", "set w")
        {
            Before = "set w",
            Age = Idle * 0.7,
            AbsoluteTimeout = Idle * 1.5,
            Passes = [Idle / 2],
        },
        new("The end of the session is late", "load w; endall", "set w | set w") { Before = "set w", Passes = [Soon * 1.5, LongDelay] },
        new("Nodes are suspended", "list | set w", "end w") { IdleTimeout = TimeSpan.FromSeconds(2), Suspensions = [LongDelay] },
        new("Two requests of one node set", "set w | set w", "set w") { OneNode = true },
        new("Two requests of one node update and end", "inc w", "inc w | updend w") { Before = "set w", OneNode = true },
        new("Lists meet an end", "list | list", "end w | set v") { Before = "set w", Workflows = ["w", "v"] },
        new("Lists meet the end of the session", "list", "endall") { Before = "set w | set v", Workflows = ["w", "v"] },
        new("Clocks are an hour off", "inc w", "set w | end w") { Before = "set w", ClockOffsets = [Hour, -Hour] },
        new("Clocks are an hour off and time passes", "set w", "inc w | endall") { ClockOffsets = [-Hour, Hour], Passes = [LongDelay] },
    ];

    private static IEnumerable<TestCaseData> Scenarios() =>
        All.Select(scenario => new TestCaseData(scenario).SetArgDisplayNames(scenario.Name));

    [TestCaseSource(nameof(Scenarios))]
    public void No_schedule_breaks_a_promise(object scenario) =>
        ScheduleExplorer.Explore((Scenario)scenario, ScheduleExplorer.Budget * 4 / 5 / All.Length, Seed);
}
