using System.Globalization;

namespace WorkflowSessions.Redis.Explorer;

/// <summary>Explores the schedules of scenarios. A schedule that violates a rule is printed as a test and fails the current one.</summary>
internal static class ScheduleExplorer
{
    private const string BudgetVariable = "WORKFLOWSESSIONS_SCHEDULES";
    private const int DefaultBudget = 50_000;

    /// <summary>How many schedules the tests of this assembly run together: 50,000, or what WORKFLOWSESSIONS_SCHEDULES says.</summary>
    public static int Budget =>
        Environment.GetEnvironmentVariable(BudgetVariable) is { Length: > 0 } text
            ? int.Parse(text, CultureInfo.InvariantCulture)
            : DefaultBudget;

    /// <summary>
    /// Runs all schedules without a fault, then all with one, then all with two, as far as the budget goes. What is left of the last level is sampled at
    /// random.
    /// </summary>
    public static void Explore(Scenario scenario, int budget, ulong seed)
    {
        using Server server = ExplorerServer.Open();
        int left = budget;
        for (int faults = 0; faults <= 2 && left > 0; faults++)
        {
            (int run, bool isComplete) = ExploreAll(server, scenario, faults, faults == 0 ? left : left * 2 / 3);
            left -= run;
            Report(scenario, $"{run} schedules with up to {faults} faults{(isComplete ? ", all there are" : "")}");
            if (!isComplete)
            {
                Sample(server, scenario, Math.Max(faults, 2), withTimeouts: false, left, seed);
                Report(scenario, $"{left} random schedules with up to {Math.Max(faults, 2)} faults, seed {seed}");
                return;
            }
        }
    }

    /// <summary>Runs random schedules.</summary>
    public static void Sample(Server server, Scenario scenario, int faults, bool withTimeouts, int budget, ulong seed)
    {
        for (int i = 0; i < budget; i++)
        {
            Random random = new(unchecked((int)(seed + (ulong)i)));
            Check(scenario, faults, withTimeouts, Exploration.Run(server, scenario, faults, withTimeouts, random.Next));
        }
    }

    /// <summary>Runs one schedule again.</summary>
    public static void Replay(Scenario scenario, int faults, bool withTimeouts, params int[] choices)
    {
        using Server server = ExplorerServer.Open();
        int next = 0;
        Check(scenario, faults, withTimeouts, Exploration.Run(server, scenario, faults, withTimeouts, Choose));

        int Choose(int count) =>
            next < choices.Length && choices[next] < count ? choices[next++]
            : next >= choices.Length ? 0
            : throw new ScheduleException($"Choice {next} is {choices[next]} of {count}: the schedule is of another version.");
    }

    /// <summary>Depth first: each run goes the way of the one before, up to the last choice that had another move left.</summary>
    private static (int Run, bool IsComplete) ExploreAll(Server server, Scenario scenario, int faults, int budget)
    {
        int[] prefix = [];
        for (int run = 0; run < budget; )
        {
            int next = 0;
            ScheduleResult result = Exploration.Run(
                server,
                scenario,
                faults,
                withTimeouts: false,
                _ => next < prefix.Length ? prefix[next++] : 0
            );
            Check(scenario, faults, withTimeouts: false, result);
            run += result.IsRedundant ? 0 : 1;
            int last = result.Choices.Length - 1;
            while (last >= 0 && result.Choices[last] + 1 >= result.Counts[last])
            {
                last--;
            }

            if (last < 0)
            {
                return (run, true);
            }

            prefix = [.. result.Choices[..last], result.Choices[last] + 1];
        }

        return (budget, false);
    }

    private static void Check(Scenario scenario, int faults, bool withTimeouts, ScheduleResult result)
    {
        long number = Coverage.Add(result.Happened);
        if (result.Violation is not null)
        {
            Assert.Fail(string.Create(CultureInfo.InvariantCulture, $"Schedule {number}: {result.AsTest(scenario, faults, withTimeouts)}"));
        }
    }

    private static void Report(Scenario scenario, string text) => TestContext.Out.WriteLine($"{scenario.Name}: {text}.");
}
