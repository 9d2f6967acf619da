namespace WorkflowSessions;

/// <summary>Why a commit was refused.</summary>
public enum WorkflowConflictReason
{
    /// <summary>Others committed since the workflow was loaded, and the commit was to be stored only if nobody did.</summary>
    Changed,

    /// <summary>The workflow that was loaded has ended or expired meanwhile. It never comes back half.</summary>
    Ended,
}
