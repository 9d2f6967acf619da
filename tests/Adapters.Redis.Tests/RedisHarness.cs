using System.Collections.Concurrent;
using StackExchange.Redis;
using WorkflowSessions.Contracts;

namespace WorkflowSessions.Redis.Tests;

/// <summary>Sessions on the shared server, or another, under a prefix of the test. What is left at the end must have a time to live, and is deleted.</summary>
internal sealed class RedisHarness : StoreHarness
{
    private const string PassScript = """
        local left = redis.call('PTTL', KEYS[1]) - ARGV[1]
        if left <= 0 then
            redis.call('DEL', KEYS[1])
            return
        end
        if redis.call('TYPE', KEYS[1]).ok == 'zset' then
            for _, member in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
                redis.call('ZINCRBY', KEYS[1], -ARGV[1], member)
            end
        else
            local meta, expires, deadline = string.match(redis.call('HGET', KEYS[1], '#'), '^(%l %d+ %d+ %-?%d+) (%d+) (%d+)$')
            local function earlier(time)
                return ' ' .. (time == '0' and time or string.format('%.0f', time - ARGV[1]))
            end
            redis.call('HSET', KEYS[1], '#', meta .. earlier(expires) .. earlier(deadline))
            local id, ends = string.match(redis.call('HGET', KEYS[1], '!') or '', '^(%d+) (%d+)$')
            if string.sub(meta, 1, 1) == 'k' then
                redis.call('HSET', KEYS[1], '!', id .. earlier(ends))
            end
        end
        redis.call('PEXPIRE', KEYS[1], string.format('%.0f', left))
        """;

    private static readonly Lazy<Task<ConnectionMultiplexer>> SharedConnection = new(async () =>
        await ConnectionMultiplexer.ConnectAsync(
            $"{await RedisServer.SharedAddressAsync()},allowAdmin=true,syncTimeout=60000,asyncTimeout=60000"
        )
    );

    private readonly ConcurrentBag<RedisSessionStore> _opened = [];
    private readonly RedisSessionStoreFactory _factory;
    private readonly ConnectionMultiplexer _connection;

    public RedisHarness(Action<RedisSessionStoreOptions>? configure = null, ConnectionMultiplexer? connection = null)
    {
        _connection = connection ?? Connection;
        RedisSessionStoreOptions options = new()
        {
            KeyPrefix = Prefix,
            TimeProvider = Clock,
            CommandTimeout = TimeSpan.FromSeconds(50),
        };
        configure?.Invoke(options);
        _factory = new RedisSessionStoreFactory(_connection, options);
    }

    public static ConnectionMultiplexer Connection => SharedConnection.Value.GetAwaiter().GetResult();

    public static IDatabase Database => Connection.GetDatabase();

    public string Prefix { get; } = $"test-{Guid.NewGuid():N}:";

    public override SessionStoreCapabilities Promised { get; } =
        new()
        {
            AtomicCommit = true,
            VersionCheck = true,
            Listing = true,
            ExpiryPerWorkflow = true,
            Completion = true,
        };

    // A round trip takes real time, in which others must not run out of theirs.
    protected override TimeSpan? LongestStep => TimeSpan.FromMilliseconds(1);

    public override ISessionStore Open(string sessionId)
    {
        RedisSessionStore store = (RedisSessionStore)_factory.Open(sessionId);
        _opened.Add(store);
        return store;
    }

    /// <summary>The keys of this test, in order.</summary>
    public string[] Keys() =>
        [.. Masters().SelectMany(master => (string[])master.Execute("KEYS", $"{Prefix}*")!).Order(StringComparer.Ordinal)];

    /// <summary>The one key of a workflow in this test.</summary>
    public string Key(string workflowId) => Keys().Single(key => key.EndsWith($"}}:{workflowId}", StringComparison.Ordinal));

    public override async ValueTask PassAsync(TimeSpan time)
    {
        // Those that are under way belong to the time before.
        await Task.WhenAll(_opened.Select(store => store.Renewal));
        long milliseconds = (long)time.TotalMilliseconds;
        IDatabase database = _connection.GetDatabase();
        // One call for each key: in a cluster, they are in several slots.
        await Task.WhenAll(Keys().Select(key => database.ScriptEvaluateAsync(PassScript, [key], [milliseconds])));
        await base.PassAsync(time);
    }

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        IDatabase database = _connection.GetDatabase();
        foreach (string key in Keys())
        {
            long left = (long)await database.ExecuteAsync("PTTL", (RedisKey)key);
            await database.KeyDeleteAsync(key);
            Assert.That(left, Is.Not.EqualTo(-1), $"{key} would stay for ever");
        }
    }

    public static async Task CloseAsync()
    {
        if (SharedConnection.IsValueCreated)
        {
            await Connection.DisposeAsync();
        }
    }

    private IEnumerable<IServer> Masters() => _connection.GetServers().Where(server => !server.IsReplica);
}
