namespace WorkflowSessions;

/// <summary>What <c>UpdateAsync</c> does with a workflow.</summary>
internal enum UpdatePhase
{
    /// <summary>It does not run.</summary>
    None,

    /// <summary>It runs the function of the caller, which may change the workflow.</summary>
    RunningChange,

    /// <summary>It loads or commits, or waits to do so again. A change would be lost when it runs the function again.</summary>
    Storing,
}
