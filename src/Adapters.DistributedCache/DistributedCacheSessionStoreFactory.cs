using Microsoft.Extensions.Caching.Distributed;

namespace WorkflowSessions.DistributedCache;

/// <summary>Sessions in any <see cref="IDistributedCache"/>: one entry per workflow.</summary>
/// <remarks>
/// Thread-safe; lives as long as the application. A cache has neither a compare-and-set nor a partial write, so that two processes that commit one
/// workflow within the same moment can lose a write; <see cref="SessionStoreCapabilities"/> say so. Workflows never disturb each other.
/// </remarks>
public sealed class DistributedCacheSessionStoreFactory : ISessionStoreFactory
{
    private readonly IDistributedCache _cache;
    private readonly DistributedCacheSessionStoreOptions _options;

    /// <summary>Keeps sessions in a cache, which stays the caller's.</summary>
    /// <param name="cache">The cache.</param>
    /// <param name="options">The options; null for the defaults.</param>
    /// <exception cref="ArgumentNullException"><paramref name="cache"/> is null.</exception>
    /// <exception cref="ArgumentException">An option is out of range.</exception>
    public DistributedCacheSessionStoreFactory(IDistributedCache cache, DistributedCacheSessionStoreOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(cache);
        _options = options ?? new DistributedCacheSessionStoreOptions();
        _options.ThrowIfInvalid(nameof(options));
        _cache = cache;
    }

    /// <inheritdoc />
    public BufferedSessionStore Open(string sessionId)
    {
        ArgumentException.ThrowIfNullOrEmpty(sessionId);
        return new DistributedCacheSessionStore(_cache, sessionId, _options);
    }
}
