namespace WorkflowSessions.DistributedCache;

/// <summary>The time that one operation may take, from now on. All waits of the operation share it.</summary>
internal readonly struct TimeBudget(TimeProvider clock, TimeSpan timeout)
{
    private readonly long _start = clock.GetTimestamp();

    public TimeProvider Clock => clock;

    /// <summary>What is left of it; zero when it is over.</summary>
    public TimeSpan Left
    {
        get
        {
            TimeSpan left = timeout - clock.GetElapsedTime(_start);
            // Never negative: a wait of -1 ms would be one without an end.
            return left > TimeSpan.Zero ? left : TimeSpan.Zero;
        }
    }
}
