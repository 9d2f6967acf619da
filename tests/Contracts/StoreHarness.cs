using Microsoft.Extensions.Time.Testing;

namespace WorkflowSessions.Contracts;

/// <summary>What the contract needs to know of a store: how to open a session, as one request would, and what it promises.</summary>
public abstract class StoreHarness : IAsyncDisposable
{
    /// <summary>The clock that the store uses.</summary>
    public FakeTimeProvider Clock { get; } = new(new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero));

    /// <summary>What the store's documentation promises; tests of what it does not promise do not apply to it.</summary>
    public abstract SessionStoreCapabilities Promised { get; }

    /// <summary>Opens a session as a new request does. Two requests of one session see the same data.</summary>
    public abstract ISessionStore Open(string sessionId);

    public virtual ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        return ValueTask.CompletedTask;
    }
}
