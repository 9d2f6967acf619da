namespace WorkflowSessions;

/// <summary>What a commit does.</summary>
public enum WorkflowCommitKind
{
    /// <summary>It stores the changes of a request. With a <see cref="WorkflowCommit.Receipt"/> it completes the workflow.</summary>
    Changes,

    /// <summary>It claims the workflow, so that nobody else changes or completes it until it is finished, released, or the claim runs out.</summary>
    Claim,

    /// <summary>It completes a workflow that was claimed: the entries go, and the receipt stays.</summary>
    Finish,

    /// <summary>It gives a claim back, and changes nothing else.</summary>
    Release,
}
