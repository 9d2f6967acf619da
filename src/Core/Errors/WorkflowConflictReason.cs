namespace WorkflowSessions;

/// <summary>Why a commit was refused.</summary>
public enum WorkflowConflictReason
{
    /// <summary>Others committed since the workflow was loaded, and the commit was to be stored only if nobody did.</summary>
    Changed,

    /// <summary>The workflow that was loaded has ended or expired meanwhile. It never comes back half.</summary>
    Ended,

    /// <summary>The request belongs to a session that was given a new id since, as at a sign-in.</summary>
    StaleSession,

    /// <summary>The workflow is completed, and has its receipt.</summary>
    Completed,

    /// <summary>Another request is completing the workflow.</summary>
    Completing,
}
