using System.Collections.Concurrent;
using Microsoft.Extensions.Caching.Distributed;

namespace WorkflowSessions.AspNetCore.Tests;

/// <summary>The cache under the session of the framework. It keeps what it is asked, and waits or fails when a test wants it.</summary>
internal sealed class CacheOfTest : IDistributedCache
{
    private readonly ConcurrentDictionary<string, byte[]> _entries = new();

    /// <summary>The calls, as "get", without their keys.</summary>
    public ConcurrentQueue<string> Calls { get; } = new();

    /// <summary>Called before each call with its name; it may wait or throw.</summary>
    public Func<string, Task> Before { get; set; } = _ => Task.CompletedTask;

    /// <summary>As when everything has expired.</summary>
    public void Expire() => _entries.Clear();

    public byte[]? Get(string key) => GetAsync(key).GetAwaiter().GetResult();

    public async Task<byte[]?> GetAsync(string key, CancellationToken token = default)
    {
        await CallAsync("get");
        return _entries.GetValueOrDefault(key);
    }

    public void Refresh(string key) => RefreshAsync(key).GetAwaiter().GetResult();

    public Task RefreshAsync(string key, CancellationToken token = default) => CallAsync("refresh");

    public void Remove(string key) => RemoveAsync(key).GetAwaiter().GetResult();

    public async Task RemoveAsync(string key, CancellationToken token = default)
    {
        await CallAsync("remove");
        _entries.TryRemove(key, out _);
    }

    public void Set(string key, byte[] value, DistributedCacheEntryOptions options) =>
        SetAsync(key, value, options).GetAwaiter().GetResult();

    public async Task SetAsync(string key, byte[] value, DistributedCacheEntryOptions options, CancellationToken token = default)
    {
        await CallAsync("set");
        _entries[key] = value;
    }

    private async Task CallAsync(string call)
    {
        Calls.Enqueue(call);
        await Before(call);
    }
}
