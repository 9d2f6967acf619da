namespace WorkflowSessions;

/// <summary>What became of a commit.</summary>
public enum CommitOutcome
{
    /// <summary>All of it is stored.</summary>
    Stored,

    /// <summary>Nothing is stored: the workflow that was loaded has ended or expired.</summary>
    Ended,

    /// <summary>Nothing is stored: the version is not the one that the commit asked for.</summary>
    Changed,

    /// <summary>Nothing is stored: with the entries that others have added there would be too many.</summary>
    TooManyEntries,

    /// <summary>Nothing is stored: the workflow is completed, and has its receipt.</summary>
    Completed,

    /// <summary>Nothing is stored: another request is completing the workflow, and its claim has not run out.</summary>
    Completing,
}
