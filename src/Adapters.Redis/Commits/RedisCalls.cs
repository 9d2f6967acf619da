using StackExchange.Redis;

namespace WorkflowSessions.Redis;

/// <summary>Sends commands and scripts, resends them, and bounds every wait. Thread-safe.</summary>
internal sealed class RedisCalls(RedisConnection connection, RedisSessionStoreOptions options)
{
    // The client looks for requests that have timed out once a second.
    private static readonly TimeSpan ClientPrecision = TimeSpan.FromSeconds(1);
    private const int LongestPauseExponent = 6;

    private readonly TimeProvider _time = options.TimeProvider;
    private readonly TimeSpan _timeout = options.CommandTimeout;
    private readonly MasterSearch _master = new(connection.ConfigureAsync);

    public RedisErrors Errors { get; } = new(connection);

    public ServerClock Clock { get; } = new(options.Stopwatch);

    private IDatabase Database => connection.Database;

    /// <summary>The moment from which <see cref="RedisSessionStoreOptions.CommandTimeout"/> counts.</summary>
    public long Start() => _time.GetTimestamp();

    public TimeSpan Left(long start)
    {
        TimeSpan left = _timeout - _time.GetElapsedTime(start);
        return left > TimeSpan.Zero ? left : TimeSpan.Zero;
    }

    /// <summary>Waits for the first connection, and refuses to send where the connection is known to be down.</summary>
    /// <exception cref="SessionStoreException">Nothing can be sent.</exception>
    public ValueTask ReadyAsync(string operation, string workflowId, CancellationToken cancellationToken) =>
        connection.IsConnected ? default : WaitAsync(operation, workflowId, cancellationToken);

    /// <summary>Runs a command that changes nothing.</summary>
    /// <exception cref="SessionStoreException">The server refused it, or did not answer in time.</exception>
    public async Task<T> ReadAsync<TArgument, T>(
        Func<IDatabase, TArgument, Task<T>> command,
        TArgument argument,
        string operation,
        string workflowId,
        CancellationToken cancellationToken
    )
    {
        long start = Start();
        for (int attempt = 0; ; attempt++)
        {
            try
            {
                return await BoundAsync(command(Database, argument), start, cancellationToken).ConfigureAwait(false);
            }
            catch (Exception error) when (RedisErrors.IsRedisError(error))
            {
                SearchMaster(error);
                if (
                    !RedisErrors.IsTransient(error) || !await HasPausedAsync(attempt, start, error, cancellationToken).ConfigureAwait(false)
                )
                {
                    throw Errors.Failure(operation, workflowId, mayBeStored: false, error);
                }
            }
        }
    }

    /// <summary>Asks the server for its time, unless it is known.</summary>
    /// <exception cref="SessionStoreException">The server did not answer in time.</exception>
    public async ValueTask KnowTimeAsync(RedisKey key, string operation, string workflowId)
    {
        if (!Clock.IsKnown)
        {
            ScriptCall call = new(RedisScript.Time, [key], [], operation, workflowId);
            Clock.Set(ScriptAnswer.Time((RedisResult[])(await RunAsync(call, Start()).ConfigureAwait(false))!));
        }
    }

    /// <summary>
    /// Sends a script that the server executes until a time of its own, and no later. When the server refuses a copy as late, it tells its time, and the
    /// call is sent once more with a corrected one.
    /// </summary>
    /// <param name="call">The call; its arguments are replaced.</param>
    /// <param name="arguments">Makes the arguments from the time until which the copy is valid, in Unix milliseconds of the server.</param>
    /// <param name="start">The moment from which the timeout counts.</param>
    /// <returns>What <see cref="ScriptAnswer"/> reads, and more.</returns>
    /// <exception cref="SessionStoreException">The server refused it, or did not answer in time.</exception>
    public async Task<RedisResult[]> SendAsync(ScriptCall call, Func<long, RedisValue[]> arguments, long start)
    {
        TimeSpan left = Left(start);
        // While the time is unknown, no copy is valid: the answer tells it.
        long validUntil = Clock.IsKnown ? Clock.Now + (long)left.TotalMilliseconds : 0;
        bool isOpen = false;
        bool isUnanswered = false;
        while (true)
        {
            call.Arguments = arguments(validUntil);
            RedisResult[] answer = (RedisResult[])(await RunAsync(call, start).ConfigureAwait(false))!;
            long serverTime = ScriptAnswer.Time(answer);
            Clock.Set(serverTime);
            if (ScriptAnswer.Outcome(answer) != Answer.Late)
            {
                return answer;
            }

            isUnanswered |= call.MayBeExecuted;
            isOpen |= call.MayBeExecuted && !ProvesThatNoCopyIsExecuted(call, validUntil, serverTime);
            call.MayBeExecuted = isOpen;
            left = Left(start);
            // The server may have executed a copy and forgotten it: it would execute the next one, too.
            bool mayRepeat = isOpen && call.IsNumbered && validUntil <= serverTime;
            if (mayRepeat || left <= TimeSpan.Zero)
            {
                // A copy on its way becomes valid again when the clock of the server goes back.
                throw Errors.Failure(call.Operation, call.WorkflowId, mayBeStored: isUnanswered, new TimeoutException());
            }

            validUntil = Clock.Now + (long)left.TotalMilliseconds;
        }
    }

    /// <summary>
    /// Whether the answer "late" proves that no copy with this limit was or will be executed: the limit is over, and the server would still remember one that
    /// was executed.
    /// </summary>
    private static bool ProvesThatNoCopyIsExecuted(ScriptCall call, long validUntil, long serverTime)
    {
        long remembered = validUntil + (long)(Protocol.Window - Protocol.LongestValidity).TotalMilliseconds;
        return validUntil == 0 || (call.IsNumbered && validUntil <= serverTime && serverTime < remembered);
    }

    /// <summary>Runs a script: sends it, and sends it again until there is an answer or the time is over, with its text where the server does not know it.</summary>
    /// <exception cref="SessionStoreException">The server refused it, or did not answer in time.</exception>
    public async Task<RedisResult> RunAsync(ScriptCall call, long start)
    {
        bool isKnown = true;
        for (int attempt = 0; ; )
        {
            try
            {
                // By its hash: the client would look up a text of this length character by character each time.
                Task<RedisResult> run = isKnown
                    ? Database.ScriptEvaluateAsync(call.Script.Hash, call.Keys, call.Arguments, CommandFlags.DemandMaster)
                    : Database.ScriptEvaluateAsync(call.Script.Text, call.Keys, call.Arguments, CommandFlags.DemandMaster);
                return await BoundAsync(run, start, CancellationToken.None).ConfigureAwait(false);
            }
            catch (Exception error) when (RedisErrors.IsRedisError(error))
            {
                SearchMaster(error);
                call.MayBeExecuted |= RedisErrors.MayBeExecuted(error);
                if (isKnown && RedisErrors.IsUnknownScript(error))
                {
                    isKnown = false;
                }
                else if (
                    !(call.MayBeExecuted || RedisErrors.IsTransient(error))
                    || !await HasPausedAsync(attempt++, start, error, CancellationToken.None).ConfigureAwait(false)
                )
                {
                    throw Errors.Failure(call.Operation, call.WorkflowId, call.MayBeExecuted, error);
                }
            }
        }
    }

    /// <summary>Bounds a wait. Where the client itself times out early enough, no timer is needed.</summary>
    public Task<T> BoundAsync<T>(Task<T> task, long start, CancellationToken cancellationToken)
    {
        TimeSpan left = Left(start);
        return task.IsCompleted ? task
            : connection.ClientTimeout > left + ClientPrecision ? task.WaitAsync(left, _time, cancellationToken)
            : cancellationToken.CanBeCanceled ? task.WaitAsync(cancellationToken)
            : task;
    }

    private async ValueTask WaitAsync(string operation, string workflowId, CancellationToken cancellationToken)
    {
        if (await connection.WaitAsync(cancellationToken).ConfigureAwait(false) is { } error)
        {
            throw Errors.Failure(operation, workflowId, mayBeStored: false, error);
        }
    }

    private void SearchMaster(Exception error)
    {
        if (RedisErrors.IsMasterMissing(error))
        {
            _master.Begin();
        }
    }

    /// <summary>Pauses before something is sent again, a little longer each time.</summary>
    /// <returns>False when the time is over, or the connection is disposed.</returns>
    public async Task<bool> HasPausedAsync(int attempt, long start, Exception? error, CancellationToken cancellationToken)
    {
        TimeSpan pause = TimeSpan.FromMilliseconds(1 << Math.Min(attempt, LongestPauseExponent));
        if (error is ObjectDisposedException || Left(start) <= pause)
        {
            return false;
        }

        await Task.Delay(pause, _time, cancellationToken).ConfigureAwait(false);
        return true;
    }
}
