using Microsoft.Extensions.Caching.Distributed;
using Microsoft.Extensions.Caching.Memory;
using Microsoft.Extensions.Internal;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;
using WorkflowSessions.Contracts;

namespace WorkflowSessions.DistributedCache.Tests;

/// <summary>Sessions in a cache: one in memory with the clock of the test, unless another is given.</summary>
internal sealed class CacheHarness : StoreHarness
{
    private readonly DistributedCacheSessionStoreFactory _factory;

    public CacheHarness(
        Func<IDistributedCache, IDistributedCache>? wrap = null,
        Action<DistributedCacheSessionStoreOptions>? configure = null
    )
    {
        IDistributedCache memory = new MemoryDistributedCache(
            Options.Create(new MemoryDistributedCacheOptions { Clock = new ClockOfCache(Clock) })
        );
        Cache = wrap?.Invoke(memory) ?? memory;
        DistributedCacheSessionStoreOptions options = new()
        {
            TimeProvider = Clock,
            KeyPrefix = Prefix,
            CommandTimeout = TimeSpan.FromMinutes(1),
        };
        configure?.Invoke(options);
        HasUpdates = options.AllowBestEffortUpdates;
        _factory = new DistributedCacheSessionStoreFactory(Cache, options);
    }

    public IDistributedCache Cache { get; }

    public string Prefix { get; } = $"test-{Guid.NewGuid():N}:";

    public override bool HasUpdates { get; }

    public override SessionStoreCapabilities Promised { get; } = new() { ExpiryPerWorkflow = true };

    public override ISessionStore Open(string sessionId) => _factory.Open(sessionId);

    /// <summary>The key of a workflow of the session "alice".</summary>
    public string Key(string workflowId) =>
        $"{Prefix}{Convert.ToBase64String(System.Security.Cryptography.SHA256.HashData("alice"u8)[..16]).TrimEnd('=').Replace('+', '-').Replace('/', '_')}:{workflowId}";

    private sealed class ClockOfCache(FakeTimeProvider clock) : ISystemClock
    {
        public DateTimeOffset UtcNow => clock.GetUtcNow();
    }
}
