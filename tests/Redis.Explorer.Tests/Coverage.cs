using System.Globalization;

namespace WorkflowSessions.Redis.Explorer;

/// <summary>Counts the schedules of this test run, and in how many of them something happened. Thread-safe.</summary>
internal static class Coverage
{
    private static readonly Happenings[] All = [.. Enum.GetValues<Happenings>().Where(one => one != Happenings.None)];
    private static readonly long[] Counts = new long[All.Length];
    private static long _schedules;

    /// <summary>How many schedules were run so far.</summary>
    public static long Schedules => Volatile.Read(ref _schedules);

    /// <returns>The number of the schedule.</returns>
    public static long Add(Happenings happened)
    {
        for (int i = 0; i < All.Length; i++)
        {
            if (happened.HasFlag(All[i]))
            {
                Interlocked.Increment(ref Counts[i]);
            }
        }

        return Interlocked.Increment(ref _schedules);
    }

    public static string Report()
    {
        IEnumerable<string> lines = All.Select(
            (one, i) => string.Create(CultureInfo.InvariantCulture, $"{Volatile.Read(ref Counts[i]), 10:N0}  {one}")
        );
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{Schedules:N0} schedules were explored. Of these there were with{Environment.NewLine}{string.Join(Environment.NewLine, lines)}"
        );
    }
}
