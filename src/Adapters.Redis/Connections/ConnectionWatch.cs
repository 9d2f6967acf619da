using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using StackExchange.Redis;

namespace WorkflowSessions.Redis;

/// <summary>
/// Follows the outages of one connection: since when, and why. Logs when one begins, has another cause, and ends. Thread-safe.
/// </summary>
/// <param name="isConnected">Whether there is a connection now.</param>
/// <param name="configuration">The configuration of the connection; null where it can't be read.</param>
/// <param name="probe">Throws <see cref="ObjectDisposedException"/> when the connection is closed for good.</param>
/// <param name="firstAttempt">Completes when the connection was tried once.</param>
/// <param name="loggers">Where the outages are logged; null for nowhere.</param>
/// <param name="disposed">Ends the watch.</param>
internal sealed class ConnectionWatch(
    Func<bool> isConnected,
    Func<ConfigurationOptions?> configuration,
    Action probe,
    Task firstAttempt,
    ILoggerFactory? loggers,
    CancellationToken disposed
)
{
    // Early enough for the cause to be known within the default CommandTimeout.
    private static readonly TimeSpan BeforeFirstDiagnosis = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan BetweenDiagnoses = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan BetweenLooks = TimeSpan.FromMilliseconds(20);

    private readonly ILogger _logger = loggers?.CreateLogger(WorkflowSessionsDiagnostics.LoggerCategory) ?? NullLogger.Instance;
    private readonly Lock _lock = new();
    private volatile Outage? _outage;
    private volatile bool _wasConnected;

    /// <summary>Whether there ever was a connection.</summary>
    public bool WasConnected => _wasConnected || (_outage is null && isConnected());

    /// <summary>Since when and why there is no connection, and what to do; null while that is unknown.</summary>
    public string? Explanation =>
        _outage is { } outage && Of(outage) is var problem
            ? $"Not connected to Redis for {outage.Seconds} s: {problem.Reason}. {problem.Remedy}"
            : null;

    /// <summary>Begins to watch an outage.</summary>
    /// <returns>The outage; null when there is a connection.</returns>
    public Outage? Begin()
    {
        if (isConnected())
        {
            _wasConnected = true;
            return null;
        }

        Outage outage;
        lock (_lock)
        {
            if (_outage is { } current)
            {
                return current;
            }

            _outage = outage = new Outage();
        }

        _ = Task.Run(() => WatchAsync(outage), CancellationToken.None);
        return outage;
    }

    /// <summary>Takes notice of an error of the client.</summary>
    public void Explain(Exception? error)
    {
        // The first error after a connection says only that it is lost.
        if (Begin() is { Problem: null, IsFinal: false } outage)
        {
            outage.Explain(_wasConnected || error is null ? ConnectionProblem.Lost : ConnectionProblem.Of(error), error);
        }
    }

    private ConnectionProblem Of(Outage outage) =>
        outage.Problem ?? (_wasConnected ? ConnectionProblem.Lost : ConnectionProblem.Connecting);

    private async Task WatchAsync(Outage outage)
    {
        ConnectionProblem? logged = null;
        try
        {
            Task connected = WhenConnectedAsync();
            await WithinAsync(
                    _wasConnected ? outage.UntilLong : BeforeFirstDiagnosis,
                    connected,
                    firstAttempt.IsCompleted ? connected : firstAttempt
                )
                .ConfigureAwait(false);
            for (int round = 0; !isConnected() && !disposed.IsCancellationRequested; round++)
            {
                if (FindDisposed() is { } end)
                {
                    outage.End(end);
                    return;
                }

                Task<bool> diagnosis = DiagnoseAsync(outage);
                await Task.WhenAny(connected, diagnosis).ConfigureAwait(false);
                // Where the trial connects, the client is about to.
                bool isCertain = diagnosis.IsCompleted && (round > 0 || await diagnosis.ConfigureAwait(false));
                if (isCertain && !isConnected() && Of(outage) is var problem && problem != logged)
                {
                    logged = problem;
                    _logger.LogNotConnected(outage.Seconds, problem.Reason, problem.Remedy);
                }

                await WithinAsync(BetweenDiagnoses, connected).ConfigureAwait(false);
            }
        }
        finally
        {
            // Also when the application's logger throws: the next operation then begins a new watch.
            if (!outage.IsFinal && !disposed.IsCancellationRequested)
            {
                _outage = null;
                outage.End();
            }
        }

        if (!disposed.IsCancellationRequested)
        {
            _wasConnected = true;
            if (logged is not null)
            {
                _logger.LogConnectedAgain(outage.Seconds);
            }

            // It may have been lost again before this outage was over.
            Begin();
        }
    }

    private async Task<bool> DiagnoseAsync(Outage outage)
    {
        ConnectionDiagnosis? found = configuration() is { } trial ? await ConnectionDiagnosis.TryAsync(trial).ConfigureAwait(false) : null;
        outage.Explain(found?.Problem ?? Of(outage), found?.Error);
        return found?.Problem is not null;
    }

    /// <summary>A closed connection looks like one that is down, but for this: it refuses to take a command.</summary>
    private ObjectDisposedException? FindDisposed()
    {
        try
        {
            probe();
            return null;
        }
        catch (ObjectDisposedException error)
        {
            return error;
        }
    }

    /// <summary>Waits for one of several tasks, no longer than a time, and no longer than the watch lives.</summary>
    private async Task WithinAsync(TimeSpan time, params Task[] tasks) =>
        await Task.WhenAny([Task.Delay(time, TimeProvider.System, disposed), .. tasks]).ConfigureAwait(false);

    private async Task WhenConnectedAsync()
    {
        while (!isConnected())
        {
            await Task.Delay(BetweenLooks, TimeProvider.System, disposed).ConfigureAwait(false);
        }
    }
}
