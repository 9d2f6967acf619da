namespace WorkflowSessions.Redis;

/// <summary>What a script answers.</summary>
internal enum Answer
{
    /// <summary>The commit is stored, as the node has worked it out.</summary>
    AsExpected = 0,

    /// <summary>The commit is stored.</summary>
    Stored = 1,

    /// <summary>The commit is stored, and it ended the workflow.</summary>
    Removed = 2,

    /// <summary>Refused: another version is stored than the required one.</summary>
    Changed = 3,

    /// <summary>Refused: the workflow that was loaded is over.</summary>
    Ended = 4,

    /// <summary>Not executed: this message is not valid at this time of the server.</summary>
    Late = 5,

    /// <summary>Not executed: a later commit of the node was here first.</summary>
    Superseded = 6,

    /// <summary>Refused: with the entries that others have added there would be too many.</summary>
    TooManyEntries = 7,

    /// <summary>Refused: the workflow is completed.</summary>
    Completed = 8,

    /// <summary>Refused: another request is completing the workflow.</summary>
    Completing = 9,
}
