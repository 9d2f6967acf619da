using Microsoft.Coyote;
using Microsoft.Coyote.SystematicTesting;

namespace WorkflowSessions.Interleavings;

/// <summary>Runs a scenario many times, each time with another order of the steps of its threads. A fixed seed chooses the orders.</summary>
internal static class Explorer
{
    // Random orders find what many of them break. Few changes of priority find what needs a thread to stand still at one certain step.
    private static readonly (string Name, Func<Configuration, Configuration> Set)[] Strategies =
    [
        ("random", configuration => configuration.WithRandomStrategy()),
        ("priorities", configuration => configuration.WithPrioritizationStrategy(isFair: false, 4)),
    ];

    /// <returns>The first failure; null when there is none.</returns>
    public static string? FindFailure(Action scenario, uint orders)
    {
        foreach ((string name, Func<Configuration, Configuration> set) in Strategies)
        {
            Configuration configuration = set(Configuration.Create())
                .WithTestingIterations(orders)
                .WithRandomGeneratorSeed(4711)
                .WithMaxSchedulingSteps(10_000)
                .WithCollectionAccessRaceCheckingEnabled()
                .WithLockAccessRaceCheckingEnabled()
                .WithAtomicOperationRaceCheckingEnabled()
                .WithVolatileOperationRaceCheckingEnabled()
                .WithConsoleLoggingEnabled(false)
                .WithTelemetryEnabled(false);
            using TestingEngine engine = TestingEngine.Create(configuration, scenario);
            engine.Run();
            if (engine.TestReport.NumOfFoundBugs > 0)
            {
                return $"{name}: {engine.TestReport.BugReports.First()}";
            }
        }

        return null;
    }

    /// <summary>Runs actions at once, and waits for all of them.</summary>
    public static void AtOnce(params Action[] actions)
    {
        Task[] tasks = new Task[actions.Length];
        for (int i = 0; i < actions.Length; i++)
        {
            // Not as a method group, which Coyote does not rewrite.
            tasks[i] = Task.Run(actions[i]);
        }

        Task.WaitAll(tasks);
    }
}
