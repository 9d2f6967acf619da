namespace WorkflowSessions.Redis.Explorer;

/// <summary>What a caller was told.</summary>
internal enum Outcome
{
    Acknowledged,
    Changed,
    Ended,
    NotStored,
    MayBeStored,

    /// <summary>What no caller should be told: it is damaged, or an exception of another type.</summary>
    Unexpected,
}
