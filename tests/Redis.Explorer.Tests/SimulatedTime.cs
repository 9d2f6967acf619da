namespace WorkflowSessions.Redis.Explorer;

/// <summary>The clock of a node, which the scheduler moves. Its calendar can be off; its timers can't.</summary>
internal sealed class SimulatedTime(DateTimeOffset start, TimeSpan offset) : TimeProvider
{
    // A pause before a resend or before another run. Messages choose the order, so that such a pause may end at any time.
    private static readonly TimeSpan LongestPause = TimeSpan.FromMilliseconds(300);

    private readonly List<Timer> _timers = [];
    private TimeSpan _passed;
    private TimeSpan _endedEarly;

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override DateTimeOffset GetUtcNow() => start + offset + _passed;

    public override long GetTimestamp() => _passed.Ticks;

    /// <summary>Sets how much time has passed since the start, pauses that ended early not counted. No timer fires.</summary>
    public void Follow(TimeSpan passed) => _passed = passed + _endedEarly;

    public void FireDue() => _ = FireDue(TimeSpan.Zero);

    /// <summary>Ends pauses, as if the messages of others took longer than they. The clock of the node moves on as far.</summary>
    /// <returns>Whether there was one.</returns>
    public bool EndPauses() => FireDue(LongestPause);

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        Timer timer = new(this, callback, state);
        timer.Change(dueTime, period);
        return timer;
    }

    private bool FireDue(TimeSpan early)
    {
        Timer[] due;
        lock (_timers)
        {
            due = [.. _timers.Where(timer => timer.Due <= _passed + early)];
            _timers.RemoveAll(due.Contains);
        }

        foreach (Timer timer in due)
        {
            if (timer.Due > _passed)
            {
                _endedEarly += timer.Due - _passed;
                _passed = timer.Due;
            }

            timer.Fire();
        }

        return due.Length > 0;
    }

    private sealed class Timer(SimulatedTime time, TimerCallback callback, object? state) : ITimer
    {
        private readonly ExecutionContext? _context = ExecutionContext.Capture();

        public TimeSpan Due { get; private set; }

        public void Fire()
        {
            if (_context is null)
            {
                callback(state);
            }
            else
            {
                ExecutionContext.Run(_context, _ => callback(state), state: null);
            }
        }

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            lock (time._timers)
            {
                time._timers.Remove(this);
                if (dueTime != Timeout.InfiniteTimeSpan)
                {
                    Due = time._passed + dueTime;
                    time._timers.Add(this);
                }
            }

            return true;
        }

        public void Dispose()
        {
            lock (time._timers)
            {
                time._timers.Remove(this);
            }
        }

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
