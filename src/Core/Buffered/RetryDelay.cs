namespace WorkflowSessions;

/// <summary>The pause before an operation is tried again, because others were faster.</summary>
internal static class RetryDelay
{
    private const int MaxDelayMilliseconds = 256;

    /// <summary>Waits for a random time that grows with the attempts. Full jitter: those who collided don't meet again at the same time.</summary>
    public static Task WaitAsync(int attempt, TimeProvider clock, CancellationToken cancellationToken)
    {
        int delay = Random.Shared.Next(Math.Min(MaxDelayMilliseconds, 1 << Math.Min(attempt, 8)) + 1);
        return Task.Delay(TimeSpan.FromMilliseconds(delay), clock, cancellationToken);
    }
}
