using Microsoft.Extensions.Caching.Distributed;

namespace WorkflowSessions.DistributedCache.Tests;

/// <summary>A cache that a test makes fail, hang, forget or give something else.</summary>
internal sealed class CacheOfTest(IDistributedCache inner) : IDistributedCache
{
    /// <summary>Called before each call with "get", "set" or "remove"; it may wait or throw.</summary>
    public Func<string, Task> Before { get; set; } = _ => Task.CompletedTask;

    /// <summary>Called when a write has taken place; an exception means that its answer is lost.</summary>
    public Func<Task> AfterWrite { get; set; } = () => Task.CompletedTask;

    /// <summary>What is given instead of what is stored.</summary>
    public Func<byte[]?, byte[]?> Give { get; set; } = bytes => bytes;

    public async Task<byte[]?> GetAsync(string key, CancellationToken token = default)
    {
        await Before("get");
        return Give(await inner.GetAsync(key, token));
    }

    public async Task SetAsync(string key, byte[] value, DistributedCacheEntryOptions options, CancellationToken token = default)
    {
        await Before("set");
        await inner.SetAsync(key, value, options, token);
        await AfterWrite();
    }

    public async Task RemoveAsync(string key, CancellationToken token = default)
    {
        await Before("remove");
        await inner.RemoveAsync(key, token);
        await AfterWrite();
    }

    public Task RefreshAsync(string key, CancellationToken token = default) => throw new NotSupportedException("Nobody needs it.");

    public byte[]? Get(string key) => throw new NotSupportedException("It would block.");

    public void Refresh(string key) => throw new NotSupportedException("It would block.");

    public void Remove(string key) => throw new NotSupportedException("It would block.");

    public void Set(string key, byte[] value, DistributedCacheEntryOptions options) => throw new NotSupportedException("It would block.");
}
