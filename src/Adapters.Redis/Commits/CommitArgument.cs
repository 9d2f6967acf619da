namespace WorkflowSessions.Redis;

/// <summary>Where the arguments of Scripts/commit.lua stand. The head of the script describes them.</summary>
internal enum CommitArgument
{
    Header,
    ValidUntil,
    Loaded,
    Next,
    Node,
    Record,

    /// <summary>The first of the entries; the deleted fields follow them.</summary>
    Entries,
}
