using StackExchange.Redis;

namespace WorkflowSessions.Redis;

/// <summary>
/// The connection of a store: its own, which is made in the background, or the application's. It refuses operations that would only wait.
/// Thread-safe.
/// </summary>
internal sealed class RedisConnection : IDisposable
{
    private static readonly TimeSpan BetweenAttempts = TimeSpan.FromSeconds(1);

    // Requests that try again without a pause would else leave the client no thread to reconnect on.
    private static readonly TimeSpan BeforeFailure = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan LongestDrain = TimeSpan.FromSeconds(1);

    private readonly RedisSessionStoreOptions _options;
    private readonly ConfigurationOptions? _address;
    private readonly CancellationTokenSource _disposing = new();
    private readonly CancellationToken _disposed;
    private readonly TaskCompletionSource _firstAttempt = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Lock _lock = new();
    private readonly ConnectionWatch _watch;
    private volatile IConnectionMultiplexer? _client;
    private volatile IDatabase? _database;

    /// <summary>Takes the application's connection, which stays open.</summary>
    public RedisConnection(IConnectionMultiplexer client, RedisSessionStoreOptions options)
    {
        _options = options;
        _disposed = _disposing.Token;
        _watch = new ConnectionWatch(
            () => IsConnected,
            () => ClientConfiguration.Of(client),
            Probe,
            _firstAttempt.Task,
            options.LoggerFactory,
            _disposed
        );
        ClientTimeout = ClientConfiguration.Of(client) is { } known ? ClientConfiguration.TimeoutOf(known) : TimeSpan.MaxValue;
        Use(client);
        _firstAttempt.SetResult();
        _watch.Begin();
    }

    /// <summary>Begins to connect to an address, and returns at once. <see cref="Dispose"/> closes the connection.</summary>
    public RedisConnection(ConfigurationOptions address, RedisSessionStoreOptions options)
    {
        _options = options;
        _disposed = _disposing.Token;
        address.AbortOnConnectFail = false;
        address.ReconnectRetryPolicy = new ReconnectPolicy(address.ConnectTimeout);
        _address = address;
#if !REDIS_CLIENT_1
        address.AsyncTimeout = Math.Min(address.AsyncTimeout, (int)Math.Ceiling(options.CommandTimeout.TotalMilliseconds));
#endif
        ClientTimeout = ClientConfiguration.TimeoutOf(address);
        _watch = new ConnectionWatch(
            () => IsConnected,
            () => address,
            static () => { },
            _firstAttempt.Task,
            options.LoggerFactory,
            _disposed
        );
        _watch.Begin();
        _ = Task.Run(ConnectAsync, CancellationToken.None);
    }

    /// <summary>Whether a server is connected.</summary>
    public bool IsConnected => _client is { IsConnected: true } && !IsClosed;

    /// <summary>The database; there is one after <see cref="WaitAsync"/>.</summary>
    public IDatabase Database => _database ?? throw new ObjectDisposedException(nameof(RedisSessionStoreFactory));

    /// <summary>The configuration; null where that of the application's connection can't be read.</summary>
    public ConfigurationOptions? Configuration => _address ?? (_client is { } client ? ClientConfiguration.Of(client) : null);

    /// <summary>
    /// After which time the client itself gives up a request that has no answer. It looks once a second.
    /// </summary>
    public TimeSpan ClientTimeout { get; }

    /// <summary>Since when and why there is no connection, and what to do; null while there is one.</summary>
    public string? Explanation => IsConnected || IsClosed ? null : _watch.Explanation;

    // The application's own connection outlasts the store.
    private bool IsClosed => _address is not null && _disposed.IsCancellationRequested;

    /// <summary>
    /// Waits for the first connection. Does not wait when the connection is known to be down,
    /// see <see cref="RedisSessionStoreOptions.FailFast"/>.
    /// </summary>
    /// <returns>Null when an operation can be sent; otherwise why not.</returns>
    public async ValueTask<Exception?> WaitAsync(CancellationToken cancellationToken)
    {
        if (IsClosed)
        {
            return new ObjectDisposedException(nameof(RedisSessionStoreFactory));
        }

        if (_watch.Begin() is not { } outage)
        {
            return null;
        }

        long start = TimeProvider.System.GetTimestamp();
        using CancellationTokenSource end = CancellationTokenSource.CreateLinkedTokenSource(_disposed, cancellationToken);
        try
        {
            await _firstAttempt.Task.WaitAsync(_options.CommandTimeout, end.Token).ConfigureAwait(false);
            if (_options.FailFast && !IsConnected)
            {
                bool hasNeverConnected = _address is not null && !_watch.WasConnected;
                TimeSpan wait = hasNeverConnected || outage.UntilLong < BeforeFailure ? BeforeFailure : outage.UntilLong;
                await WhenAny(outage.Ended, Task.Delay(wait, TimeProvider.System, end.Token)).ConfigureAwait(false);
                // The reason is worth a moment.
                await WhenAny(outage.Explained, outage.Ended).ConfigureAwait(false);
            }
            else if (!_options.FailFast && _client is null)
            {
                await outage.Ended.WaitAsync(Left(start), end.Token).ConfigureAwait(false);
            }

            return outage.IsFinal ? outage.Error
                : IsConnected || !_options.FailFast ? null
                : outage.Error ?? new TimeoutException("There is no connection.");
        }
        catch (TimeoutException error)
        {
            return IsConnected ? null : error;
        }
        catch (OperationCanceledException)
        {
            cancellationToken.ThrowIfCancellationRequested();
            return new ObjectDisposedException(nameof(RedisSessionStoreFactory));
        }

        Task WhenAny(Task one, Task other) => Task.WhenAny(one, other).WaitAsync(Left(start), end.Token);
    }

    /// <summary>Has the client ask its servers who is the master.</summary>
    public Task ConfigureAsync() => _client?.ConfigureAsync() ?? Task.CompletedTask;

    /// <summary>
    /// Ends a connection of the store's own: what is on its way gets a second for its answer. Leaves the application's connection open.
    /// </summary>
    public void Dispose()
    {
        IConnectionMultiplexer? client;
        lock (_lock)
        {
            if (_disposed.IsCancellationRequested)
            {
                return;
            }

            _disposing.Cancel();
            client = _client;
        }

        _disposing.Dispose();
        if (client is not null)
        {
            client.ConnectionFailed -= OnConnectionFailed;
            if (_address is not null)
            {
                Close(client);
            }
        }
    }

    private static void Close(IConnectionMultiplexer client)
    {
        try
        {
            // A server answers in order: when it answers this, it has answered all that was sent before.
            Task[] answers =
            [
                .. client
                    .GetEndPoints()
                    .Select(server => client.GetServer(server))
                    .Where(server => server.IsConnected)
                    .Select(server => server.PingAsync()),
            ];
            Task.WaitAll(answers, LongestDrain);
        }
        catch (Exception error) when (error is AggregateException or RedisException or InvalidOperationException or NotSupportedException)
        {
            // The connection broke meanwhile, or leads to a proxy that can't be asked: there is nothing to wait for.
        }

        // The client itself would wait for a server that stands still for seconds.
        client.Close(allowCommandsToComplete: false);
    }

    private async Task ConnectAsync()
    {
        while (!_disposed.IsCancellationRequested)
        {
            try
            {
                ConnectionMultiplexer client = await ConnectionMultiplexer.ConnectAsync(_address!).ConfigureAwait(false);
                lock (_lock)
                {
                    if (!_disposed.IsCancellationRequested)
                    {
                        Use(client);
                        _firstAttempt.TrySetResult();
                        return;
                    }
                }

                client.Close(allowCommandsToComplete: false);
                return;
            }
            catch (Exception error)
            {
                _watch.Explain(error);
                _firstAttempt.TrySetResult();
            }

            await Task.Delay(BetweenAttempts, TimeProvider.System, _disposed).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private void Use(IConnectionMultiplexer client)
    {
        client.ConnectionFailed += OnConnectionFailed;
        _database = client.GetDatabase(_options.Database);
        _client = client;
    }

    private void Probe() => _ = _database?.PingAsync(CommandFlags.FireAndForget);

    private void OnConnectionFailed(object? sender, ConnectionFailedEventArgs failure)
    {
        if (!_disposed.IsCancellationRequested)
        {
            _watch.Explain(failure.Exception);
        }
    }

    private TimeSpan Left(long start)
    {
        TimeSpan left = _options.CommandTimeout - TimeProvider.System.GetElapsedTime(start);
        return left > TimeSpan.Zero ? left : TimeSpan.Zero;
    }
}
