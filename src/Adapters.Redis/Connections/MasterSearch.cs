using StackExchange.Redis;

namespace WorkflowSessions.Redis;

/// <summary>
/// Has the client ask its servers who is the master, when one of them turned out not to be: by itself it asks once a minute. At most once a
/// second. Thread-safe.
/// </summary>
/// <param name="configure">Has the client ask.</param>
internal sealed class MasterSearch(Func<Task> configure)
{
    private const long TicksBetween = TimeSpan.TicksPerSecond;

    private long _last = -TicksBetween;

    /// <summary>Begins a search, unless there was one a moment ago. Nobody waits for it.</summary>
    public void Begin()
    {
        long now = TimeProvider.System.GetElapsedTime(0).Ticks;
        long last = Interlocked.Read(ref _last);
        if (now - last >= TicksBetween && Interlocked.CompareExchange(ref _last, now, last) == last)
        {
            _ = SearchAsync();
        }
    }

    private async Task SearchAsync()
    {
        try
        {
            await configure().ConfigureAwait(false);
        }
        catch (Exception error) when (error is RedisException or TimeoutException or ObjectDisposedException)
        {
            // Who needs the master next begins another search.
        }
    }
}
