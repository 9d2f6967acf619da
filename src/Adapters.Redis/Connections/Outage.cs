namespace WorkflowSessions.Redis;

/// <summary>The time from the moment in which a connection was lost, or first asked for, until it is there. Thread-safe.</summary>
internal sealed class Outage
{
    // After a cut, the client reconnects within about a second, and within two where its first attempt fails.
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(2);

    private readonly long _since = TimeProvider.System.GetTimestamp();
    private readonly TaskCompletionSource _explained = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile ConnectionProblem? _problem;
    private volatile Exception? _error;
    private volatile bool _isFinal;

    /// <summary>The cause; null while it is unknown.</summary>
    public ConnectionProblem? Problem => _problem;

    /// <summary>The client's error; null while there is none.</summary>
    public Exception? Error => _error;

    /// <summary>Completes when the cause is known.</summary>
    public Task Explained => _explained.Task;

    /// <summary>Completes when there is a connection, or there can't be one again.</summary>
    public Task Ended => _ended.Task;

    /// <summary>Whether the application has disposed the connection.</summary>
    public bool IsFinal => _isFinal;

    /// <summary>Whether it is longer than the client takes to reconnect after a cut.</summary>
    public bool IsLong => Elapsed >= Grace;

    public TimeSpan UntilLong => IsLong ? TimeSpan.Zero : Grace - Elapsed;

    /// <summary>Whole seconds, at least one.</summary>
    public long Seconds => Math.Max(1, (long)Math.Round(Elapsed.TotalSeconds));

    private TimeSpan Elapsed => TimeProvider.System.GetElapsedTime(_since);

    public void Explain(ConnectionProblem problem, Exception? error)
    {
        _error = error ?? _error;
        _problem = problem;
        _explained.TrySetResult();
    }

    public void End() => _ended.TrySetResult();

    public void End(ObjectDisposedException error)
    {
        _error = error;
        _isFinal = true;
        _explained.TrySetResult();
        _ended.TrySetResult();
    }
}
