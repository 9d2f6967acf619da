using System.Globalization;
using Microsoft.Extensions.Caching.Distributed;
using StackExchange.Redis;
using WorkflowSessions.Contracts;

namespace WorkflowSessions.DistributedCache.Tests;

/// <summary>Sessions in Microsoft's cache on the shared server. What is left at the end must have a time to live, and is deleted.</summary>
internal sealed class RedisCacheHarness : StoreHarness
{
    // The cache keeps ticks of its own clock in the entry, and lets Redis expire it.
    private const string PassScript = """
        for _, key in ipairs(redis.call('KEYS', ARGV[1] .. '*')) do
            local left = redis.call('PTTL', key) - ARGV[2]
            if left <= 0 then
                redis.call('DEL', key)
            else
                redis.call('PEXPIRE', key, string.format('%.0f', left))
            end
        end
        """;

    private readonly string _prefix = $"test-{Guid.NewGuid():N}:";
    private readonly DistributedCacheSessionStoreFactory _factory;

    public RedisCacheHarness()
    {
        Assert.That(Servers.Cache, Is.InstanceOf<IBufferDistributedCache>());
        _factory = new DistributedCacheSessionStoreFactory(
            Servers.Cache,
            new DistributedCacheSessionStoreOptions
            {
                TimeProvider = Clock,
                KeyPrefix = _prefix,
                CommandTimeout = TimeSpan.FromMinutes(1),
            }
        );
    }

    public override SessionStoreCapabilities Promised { get; } = new() { ExpiryPerWorkflow = true };

    // A round trip takes real time, in which others must not run out of theirs.
    protected override TimeSpan? LongestStep => TimeSpan.FromMilliseconds(1);

    public override ISessionStore Open(string sessionId) => _factory.Open(sessionId);

    public override async ValueTask PassAsync(TimeSpan time)
    {
        IDatabase database = (await Servers.ConnectionAsync()).GetDatabase();
        await database.ScriptEvaluateAsync(
            PassScript,
            null,
            [_prefix, ((long)time.TotalMilliseconds).ToString(CultureInfo.InvariantCulture)]
        );
        await base.PassAsync(time);
    }

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        IDatabase database = (await Servers.ConnectionAsync()).GetDatabase();
        foreach (string? key in (string[])(await database.ExecuteAsync("KEYS", $"{_prefix}*"))!)
        {
            TimeSpan? left = await database.KeyTimeToLiveAsync(key);
            await database.KeyDeleteAsync(key);
            Assert.That(left, Is.Not.Null, $"{key} would stay for ever");
        }
    }
}
