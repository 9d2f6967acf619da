namespace WorkflowSessions;

/// <summary>Options of one workflow or of a group, where they differ from those of the store.</summary>
public sealed class WorkflowOptions
{
    /// <summary>How long the workflow stays when nobody loads or commits it; null for no limit.</summary>
    public TimeSpan? IdleTimeout { get; set; }

    /// <summary>How long the workflow stays at the longest, counted from its first commit; null for no limit.</summary>
    public TimeSpan? AbsoluteTimeout { get; set; }

    /// <summary>
    /// How long the receipt of a completed workflow stays, counted from its completion. Null, the default, stands for the idle timeout, and where that is null for
    /// the absolute timeout.
    /// </summary>
    public TimeSpan? ReceiptTimeout { get; set; }

    /// <summary>
    /// How long <c>CompleteAsync</c> keeps others from changing or completing the workflow. 1 minute by default. Longer than the function ever runs: when the time is
    /// over, another request may run it, too, with the same key.
    /// </summary>
    public TimeSpan CompletionTimeout { get; set; } = DefaultCompletionTimeout;

    internal static TimeSpan DefaultCompletionTimeout { get; } = TimeSpan.FromMinutes(1);
}
