namespace WorkflowSessions.Redis.Explorer;

/// <summary>One schedule that was run.</summary>
/// <param name="Choices">Which move was made each time.</param>
/// <param name="Counts">Of how many.</param>
/// <param name="Violation">What was wrong; null when nothing was.</param>
/// <param name="Trace">What happened.</param>
/// <param name="Happened">What happened in it.</param>
/// <param name="IsRedundant">Whether it ended early, because another schedule differs only in the order of reads.</param>
internal sealed record ScheduleResult(
    int[] Choices,
    int[] Counts,
    string? Violation,
    IReadOnlyList<string> Trace,
    Happenings Happened,
    bool IsRedundant
)
{
    /// <summary>The schedule as a test.</summary>
    public string AsTest(Scenario scenario, int faults, bool withTimeouts) =>
        $"""
            {Violation}
            [Test]
            public void Schedule() =>
                ScheduleExplorer.Replay({scenario}, faults: {faults}, withTimeouts: {(withTimeouts ? "true" : "false")}, {string.Join(
                ", ",
                Choices
            )});
            //  {string.Join($"{Environment.NewLine}//  ", Trace)}
            """;
}
