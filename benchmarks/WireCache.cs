using Microsoft.Extensions.Caching.Distributed;
using StackExchange.Redis;

namespace WorkflowSessions.Benchmarks;

/// <summary>An IDistributedCache that sends the commands of Microsoft.Extensions.Caching.StackExchangeRedis 10.0, as its source has them.</summary>
internal sealed class WireCache(IDatabase database) : IDistributedCache
{
    private static readonly RedisValue[] All = ["absexp", "sldexp", "data"];
    private static readonly RedisValue[] Times = ["absexp", "sldexp"];

    public async Task<byte[]?> GetAsync(string key, CancellationToken token = default)
    {
        RedisValue[] fields = await database.HashGetAsync(key, All).ConfigureAwait(false);
        await ExpireAsync(key, fields).ConfigureAwait(false);
        return fields[2];
    }

    public async Task RefreshAsync(string key, CancellationToken token = default) =>
        await ExpireAsync(key, await database.HashGetAsync(key, Times).ConfigureAwait(false)).ConfigureAwait(false);

    public Task SetAsync(string key, byte[] value, DistributedCacheEntryOptions options, CancellationToken token = default)
    {
        Task set = database.HashSetAsync(
            key,
            [new HashEntry("absexp", -1), new HashEntry("sldexp", options.SlidingExpiration!.Value.Ticks), new HashEntry("data", value)]
        );
        return Task.WhenAll(set, database.KeyExpireAsync(key, options.SlidingExpiration));
    }

    public byte[]? Get(string key) => throw new NotSupportedException();

    public void Refresh(string key) => throw new NotSupportedException();

    public void Set(string key, byte[] value, DistributedCacheEntryOptions options) => throw new NotSupportedException();

    public void Remove(string key) => throw new NotSupportedException();

    public Task RemoveAsync(string key, CancellationToken token = default) => throw new NotSupportedException();

    private async Task ExpireAsync(string key, RedisValue[] fields)
    {
        if (fields[1].HasValue)
        {
            await database.KeyExpireAsync(key, TimeSpan.FromTicks((long)fields[1])).ConfigureAwait(false);
        }
    }
}
