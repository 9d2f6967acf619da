namespace WorkflowSessions;

/// <summary>Options of sessions in this process.</summary>
public sealed class InMemorySessionStoreOptions : BufferedSessionStoreOptions
{
    /// <summary>How many sessions there may be at a time. Null, no limit, by default. One more fails; no live session makes room for it.</summary>
    public int? MaxSessions { get; set; }
}
