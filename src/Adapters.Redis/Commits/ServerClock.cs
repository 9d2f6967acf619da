namespace WorkflowSessions.Redis;

/// <summary>
/// The clock of the server, as estimated from its last answer and from the time that has passed here since. The clock of the node, which can be wrong or
/// set anew, has no part in it. Thread-safe.
/// </summary>
internal sealed class ServerClock(TimeProvider stopwatch)
{
    private const long Unknown = long.MinValue;

    private long _offset = Unknown;

    /// <summary>Whether the server has told its time.</summary>
    public bool IsKnown => Volatile.Read(ref _offset) != Unknown;

    /// <summary>The time of the server in Unix milliseconds, or a little earlier; 0 while it is unknown.</summary>
    public long Now => Volatile.Read(ref _offset) is var offset && offset == Unknown ? 0 : Passed + offset;

    private long Passed => stopwatch.GetElapsedTime(0).Ticks / TimeSpan.TicksPerMillisecond;

    /// <summary>Takes the time that the server has just answered.</summary>
    /// <remarks>One less, because both are cut to whole milliseconds: the estimate must not run ahead.</remarks>
    public void Set(long serverTime) => Volatile.Write(ref _offset, serverTime - Passed - 1);
}
