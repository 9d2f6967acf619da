using Microsoft.Extensions.Time.Testing;

namespace WorkflowSessions.Contracts;

/// <summary>What the contract needs to know of a store: how to open a session, as one request would, and what it promises.</summary>
public abstract class StoreHarness : IAsyncDisposable
{
    /// <summary>The clock that the store uses.</summary>
    public FakeTimeProvider Clock { get; } = new(new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero));

    /// <summary>What the store's documentation promises; tests of what it does not promise do not apply to it.</summary>
    public abstract SessionStoreCapabilities Promised { get; }

    /// <summary>Whether a workflow is loaded, changed in memory and committed. Otherwise every change is visible in the session at once.</summary>
    public virtual bool IsBuffered => true;

    /// <summary>Whether what two requests of this process commit one after the other is merged, which needs no atomic commit.</summary>
    public virtual bool MergesRequests => true;

    /// <summary>Whether UpdateAsync is supported: where others are noticed, or all is there at once.</summary>
    public virtual bool HasUpdates => Promised.VersionCheck || !IsBuffered;

    /// <summary>Whether the store refuses an ill-formed session id, as those do that hash it.</summary>
    public virtual bool RefusesIllFormedIds => IsBuffered;

    /// <summary>Opens a session as a new request does. Two requests of one session see the same data.</summary>
    public abstract ISessionStore Open(string sessionId);

    /// <summary>Lets time pass, for the clock and for what is stored. A server has a clock of its own, which its harness must let pass too.</summary>
    public virtual ValueTask PassAsync(TimeSpan time)
    {
        Clock.Advance(time);
        return ValueTask.CompletedTask;
    }

    /// <summary>How far the clock may go on per turn while work is awaited that takes real time on a server; null for as far as a test likes.</summary>
    protected virtual TimeSpan? LongestStep => null;

    /// <summary>How far a time may be off: on a server real time passes during a test, as much of it as a slow machine needs.</summary>
    public TimeSpan Tolerance => LongestStep is null ? TimeSpan.FromSeconds(1) : TimeSpan.FromMinutes(1);

    /// <summary>Awaits work that waits on the clock, which goes on meanwhile.</summary>
    public async Task WithRunningClockAsync(ValueTask work, TimeSpan? step = null)
    {
        Task task = work.AsTask();
        while (!task.IsCompleted)
        {
            Clock.Advance(LongestStep ?? step ?? TimeSpan.FromMilliseconds(300));
            await Task.WhenAny(task, Task.Delay(1));
        }

        await task;
    }

    public virtual ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        return ValueTask.CompletedTask;
    }
}
