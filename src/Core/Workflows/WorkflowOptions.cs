namespace WorkflowSessions;

/// <summary>Options of one workflow or of a group, where they differ from those of the store.</summary>
public sealed class WorkflowOptions
{
    /// <summary>How long the workflow stays when nobody loads or commits it; null for no limit.</summary>
    public TimeSpan? IdleTimeout { get; set; }

    /// <summary>How long the workflow stays at the longest, counted from its first commit; null for no limit.</summary>
    public TimeSpan? AbsoluteTimeout { get; set; }
}
