namespace WorkflowSessions;

/// <summary>The workflows of one session in memory. It is its own lock: lock it before you use a member other than its id and number.</summary>
internal sealed class InMemorySession(string id, long number)
{
    public string Id => id;

    /// <summary>Differs from session to session, also where two have the same id one after the other.</summary>
    public long Number => number;

    public Dictionary<string, WorkflowRecord> Workflows { get; } = new(StringComparer.Ordinal);

    /// <summary>Whether the table no longer has it. A workflow that is put into it now is lost.</summary>
    public bool IsFreed { get; set; }

    /// <summary>When the table looks for expired workflows in it: never later than the first of them expires.</summary>
    public DateTimeOffset DueAt { get; set; } = DateTimeOffset.MaxValue;
}
