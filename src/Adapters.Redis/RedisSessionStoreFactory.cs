using StackExchange.Redis;

namespace WorkflowSessions.Redis;

/// <summary>Sessions in Redis or Valkey: one hash per workflow.</summary>
/// <remarks>Thread-safe; lives as long as the application.</remarks>
public sealed class RedisSessionStoreFactory : ISessionStoreFactory, IDisposable
{
    private readonly RedisConnection _connection;
    private readonly RedisSessionStoreOptions _options;
    private readonly RedisNode _node;

    /// <summary>Keeps sessions in the server of a connection, which stays the caller's.</summary>
    /// <param name="connection">The connection.</param>
    /// <param name="options">The options; null for the defaults.</param>
    /// <exception cref="ArgumentNullException"><paramref name="connection"/> is null.</exception>
    /// <exception cref="ArgumentException">An option is out of range.</exception>
    public RedisSessionStoreFactory(IConnectionMultiplexer connection, RedisSessionStoreOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(connection);
        _options = options ?? new RedisSessionStoreOptions();
        _options.ThrowIfInvalid(nameof(options));
        _connection = new RedisConnection(connection, _options);
        _node = new RedisNode(_connection, _options);
    }

    private RedisSessionStoreFactory(RedisConnection connection, RedisSessionStoreOptions options)
    {
        _options = options;
        _connection = connection;
        _node = new RedisNode(connection, options);
    }

    /// <inheritdoc />
    public BufferedSessionStore Open(string sessionId)
    {
        ArgumentException.ThrowIfNullOrEmpty(sessionId);
        return new RedisSessionStore(_node, sessionId, _options);
    }

    /// <summary>
    /// Closes the connection if it was made for this store alone, by <c>AddRedisStore("host:6379")</c>; leaves any other open. Operations that are on
    /// their way get up to a second for their answer, and then throw <see cref="SessionStoreException"/>.
    /// </summary>
    public void Dispose()
    {
        _connection.Dispose();
        _node.Dispose();
    }

    /// <summary>Begins to connect, and returns at once.</summary>
    /// <exception cref="ArgumentException">The address or an option can't be used.</exception>
    internal static RedisSessionStoreFactory Connect(string configuration, RedisSessionStoreOptions options)
    {
        // Before there is a connection that nobody would close.
        options.ThrowIfInvalid(nameof(options));
        return new RedisSessionStoreFactory(new RedisConnection(RedisAddress.Parse(configuration), options), options);
    }
}
