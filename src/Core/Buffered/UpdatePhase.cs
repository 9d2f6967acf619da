namespace WorkflowSessions;

/// <summary>What <c>UpdateAsync</c> or <c>CompleteAsync</c> does with a workflow.</summary>
internal enum UpdatePhase
{
    /// <summary>Neither runs.</summary>
    None,

    /// <summary><c>UpdateAsync</c> runs the function of the caller, which may change the workflow.</summary>
    RunningChange,

    /// <summary><c>UpdateAsync</c> loads or commits, or waits to do so again. A change would be lost when it runs the function again.</summary>
    Storing,

    /// <summary><c>CompleteAsync</c> claims the workflow, runs the function of the caller, or finishes.</summary>
    Completing,
}
