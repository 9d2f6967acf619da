namespace WorkflowSessions.Redis.Explorer;

/// <summary>The explorer does what it says.</summary>
public sealed class CoverageTests
{
    private const int MostSchedules = 5_000;
    private const ulong Seed = 1;

    [Test]
    public void Everything_that_can_happen_does_happen_in_random_schedules()
    {
        using Server server = ExplorerServer.Open();
        HashSet<Happenings> missing = [.. Enum.GetValues<Happenings>().Where(one => one != Happenings.None)];
        for (int i = 0; i < MostSchedules && missing.Count > 0; i++)
        {
            Random random = new(unchecked((int)(Seed + (ulong)i)));
            ScheduleResult result = Exploration.Run(server, RandomScenario.Of(random), RandomTests.Faults, withTimeouts: true, random.Next);
            missing.RemoveWhere(one => result.Happened.HasFlag(one));
        }

        Assert.That(missing, Is.Empty);
    }
}
