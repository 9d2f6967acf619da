using StackExchange.Redis;

namespace WorkflowSessions.Redis;

/// <summary>Sessions in Redis or Valkey: one hash per workflow.</summary>
/// <remarks>Thread-safe; lives as long as the application.</remarks>
public sealed class RedisSessionStoreFactory : ISessionStoreFactory, IDisposable
{
    private readonly IConnectionMultiplexer _connection;
    private readonly RedisSessionStoreOptions _options;
    private readonly UnsettledCommits _unsettled = new();
    private readonly MasterSearch _master;
    private readonly bool _ownsConnection;

    /// <summary>Keeps sessions in the server of a connection, which stays the caller's.</summary>
    /// <param name="connection">The connection.</param>
    /// <param name="options">The options; null for the defaults.</param>
    /// <exception cref="ArgumentNullException"><paramref name="connection"/> is null.</exception>
    /// <exception cref="ArgumentException">An option is out of range.</exception>
    public RedisSessionStoreFactory(IConnectionMultiplexer connection, RedisSessionStoreOptions? options = null)
        : this(connection, options, ownsConnection: false) { }

    private RedisSessionStoreFactory(IConnectionMultiplexer connection, RedisSessionStoreOptions? options, bool ownsConnection)
    {
        ArgumentNullException.ThrowIfNull(connection);
        _options = options ?? new RedisSessionStoreOptions();
        _options.ThrowIfInvalid(nameof(options));
        _connection = connection;
        _master = new MasterSearch(connection);
        _ownsConnection = ownsConnection;
    }

    /// <inheritdoc />
    public ISessionStore Open(string sessionId)
    {
        ArgumentException.ThrowIfNullOrEmpty(sessionId);
        return new RedisSessionStore(_connection.GetDatabase(_options.Database), sessionId, _options, _unsettled, _master);
    }

    /// <summary>Closes the connection if it was made for this store alone, by <c>AddRedisStore("host:6379")</c>; leaves any other open.</summary>
    public void Dispose()
    {
        if (_ownsConnection)
        {
            _connection.Dispose();
        }
    }

    /// <summary>Connects; where no server is there yet, it goes on trying in the background.</summary>
    internal static RedisSessionStoreFactory Connect(string configuration, RedisSessionStoreOptions options)
    {
        // Before there is a connection that nobody would close.
        options.ThrowIfInvalid(nameof(options));
        ConfigurationOptions connection = ConfigurationOptions.Parse(configuration);
        connection.AbortOnConnectFail = false;
        return new RedisSessionStoreFactory(ConnectionMultiplexer.Connect(connection), options, ownsConnection: true);
    }
}
