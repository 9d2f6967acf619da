using System.Collections.Concurrent;
using System.Net;
using StackExchange.Redis;

namespace WorkflowSessions.Redis;

/// <summary>
/// Waits until replicas have received what is stored, see docs/redis.md. WAIT stops its connection, so it has one of its own, which is made at its first
/// use. Thread-safe.
/// </summary>
internal sealed class ReplicaWait : IDisposable
{
    private readonly RedisSessionStoreOptions _options;
    private readonly RedisCalls _calls;
    private readonly ConfigurationOptions _configuration;
    private readonly MasterSearch _master;
    private readonly ConcurrentDictionary<int, WaitGroup> _groupOfSlot = [];
    private readonly ConcurrentDictionary<EndPoint, WaitGroup> _groups = [];
    private readonly Lock _lock = new();
    private Task<ConnectionMultiplexer>? _client;
    private bool _isDisposed;

    /// <exception cref="ArgumentException">The configuration of the connection can't be read.</exception>
    public ReplicaWait(RedisConnection connection, RedisCalls calls, RedisSessionStoreOptions options)
    {
        _options = options;
        _calls = calls;
        _configuration =
            connection.Configuration?.Clone()
            ?? throw new ArgumentException(
                $"{nameof(options.WaitForReplicas)} needs a second connection, and the configuration of the first one can't be read. "
                    + "Pass a ConnectionMultiplexer or an address.",
                nameof(connection)
            );
        _configuration.AbortOnConnectFail = false;
        _configuration.ReconnectRetryPolicy = new ReconnectPolicy(_configuration.ConnectTimeout);
#if !REDIS_CLIENT_1
        // The server may still be in the WAIT before.
        _configuration.AsyncTimeout = (int)Math.Ceiling(options.CommandTimeout.TotalMilliseconds) + WaitGroup.LongestWaitMilliseconds;
        // A command must not be sent later on another connection than the ones before it.
        _configuration.BacklogPolicy = BacklogPolicy.FailFast;
#endif
        _master = new MasterSearch(ConfigureAsync);
    }

    /// <summary>Waits until enough replicas have received what a proof shows.</summary>
    /// <param name="proof">The proof.</param>
    /// <param name="workflowId">The id of the workflow; empty for all of the session.</param>
    /// <param name="start">The moment from which the timeout counts.</param>
    /// <exception cref="SessionStoreException">That is not known in time.</exception>
    public async Task ReceivedAsync(StoredProof proof, string workflowId, long start)
    {
        string? problem = null;
        Exception? error = null;
        for (int attempt = 0; ; attempt++)
        {
            try
            {
                problem = await TryAsync(proof).WaitAsync(_calls.Left(start), _options.TimeProvider).ConfigureAwait(false);
                error = null;
                if (problem is null)
                {
                    return;
                }

                if (WaitGroup.NotThere.Equals(problem, StringComparison.Ordinal))
                {
                    _master.Begin();
                }
            }
            catch (Exception caught) when (RedisErrors.IsRedisError(caught))
            {
                error = caught;
                // The end of the time says less than the answer before it.
                problem = caught is TimeoutException ? problem : null;
                _master.Begin();
            }

            if (!await _calls.HasPausedAsync(attempt, start, error, CancellationToken.None).ConfigureAwait(false))
            {
                throw _calls.Errors.NotReceived(workflowId, _options.WaitForReplicas, problem, error ?? new TimeoutException());
            }
        }
    }

    public void Dispose()
    {
        Task<ConnectionMultiplexer>? client;
        lock (_lock)
        {
            _isDisposed = true;
            client = _client;
        }

        _ = client?.ContinueWith(
            static connected => connected.Result.Close(allowCommandsToComplete: false),
            CancellationToken.None,
            TaskContinuationOptions.OnlyOnRanToCompletion | TaskContinuationOptions.ExecuteSynchronously,
            TaskScheduler.Default
        );
    }

    private async Task<string?> TryAsync(StoredProof proof)
    {
        ConnectionMultiplexer client = await ClientAsync().ConfigureAwait(false);
        int slot = client.HashSlot(proof.Key);
        if (!_groupOfSlot.TryGetValue(slot, out WaitGroup? group))
        {
            IDatabase database = client.GetDatabase(_options.Database);
            EndPoint master =
                await database.IdentifyEndpointAsync(proof.Key, CommandFlags.DemandMaster).ConfigureAwait(false)
                ?? throw new TimeoutException("There is no master.");
            group = _groups.GetOrAdd(
                master,
                address => new WaitGroup(client.GetServer(address), database.Database, _options.WaitForReplicas)
            );
            _groupOfSlot[slot] = group;
        }

        string? problem = "";
        try
        {
            problem = await group.JoinAsync(proof).ConfigureAwait(false);
            return problem;
        }
        finally
        {
            // Another server may be the master by now.
            if (problem is not null)
            {
                _groupOfSlot.TryRemove(slot, out _);
            }
        }
    }

    private Task<ConnectionMultiplexer> ClientAsync()
    {
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_isDisposed, typeof(RedisSessionStoreFactory));
            if (_client is null or { IsFaulted: true })
            {
                _client = ConnectionMultiplexer.ConnectAsync(_configuration);
            }

            return _client;
        }
    }

    private async Task ConfigureAsync() => await (await ClientAsync().ConfigureAwait(false)).ConfigureAsync().ConfigureAwait(false);
}
