using System.Net;
using System.Net.Sockets;
using StackExchange.Redis;

namespace WorkflowSessions.Redis;

/// <summary>
/// Finds out why a connection is down. The client reports only the first failure of an outage, so a second, short-lived connection
/// of the same configuration is tried.
/// </summary>
/// <param name="Problem">The cause; null when the trial succeeded, or told nothing in time.</param>
/// <param name="Error">The error of the client.</param>
internal sealed record ConnectionDiagnosis(ConnectionProblem? Problem, Exception? Error)
{
    private const int ConnectMilliseconds = 1_000;
    private const int CommandMilliseconds = 250;
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(10);
    private static readonly ConnectionDiagnosis Nothing = new(Problem: null, Error: null);

    public static async Task<ConnectionDiagnosis> TryAsync(ConfigurationOptions configuration)
    {
        ConfigurationOptions trial = configuration.Clone();
        trial.AbortOnConnectFail = false;
        trial.ConnectRetry = 1;
        trial.ConnectTimeout = ConnectMilliseconds;
        trial.SyncTimeout = CommandMilliseconds;
        Exception? error = await FailureOfAsync(trial).ConfigureAwait(false);
        if (error is null)
        {
            return Nothing;
        }

        ConnectionProblem problem = ConnectionProblem.Of(error);
        // A server that does not speak TLS can wait for the end of the handshake, as the client does.
        bool isSilent =
            trial.Ssl && problem == ConnectionProblem.Unreachable && await AnyAcceptsAsync(trial.EndPoints).ConfigureAwait(false);
        return new ConnectionDiagnosis(isSilent ? ConnectionProblem.Tls : problem, error);
    }

    private static async Task<Exception?> FailureOfAsync(ConfigurationOptions trial)
    {
        ConnectionMultiplexer? connection = null;
        try
        {
            connection = await ConnectionMultiplexer.ConnectAsync(trial).ConfigureAwait(false);
            // A command that found no connection names the reason; the call above does not.
            await connection.GetDatabase().PingAsync().WaitAsync(Longest).ConfigureAwait(false);
            return null;
        }
        catch (TimeoutException error) when (error is not RedisTimeoutException)
        {
            // The configuration has a timeout of its own that is longer.
            return null;
        }
        catch (Exception error)
        {
            return error;
        }
        finally
        {
            connection?.Close(allowCommandsToComplete: false);
        }
    }

    private static async Task<bool> AnyAcceptsAsync(IEnumerable<EndPoint> servers)
    {
        foreach (EndPoint server in servers.Where(server => server is DnsEndPoint or IPEndPoint))
        {
            using Socket socket = new(SocketType.Stream, ProtocolType.Tcp);
            try
            {
                await socket.ConnectAsync(server).WaitAsync(TimeSpan.FromMilliseconds(ConnectMilliseconds)).ConfigureAwait(false);
                return true;
            }
            catch (Exception error) when (error is SocketException or TimeoutException or NotSupportedException)
            {
                // The next one may.
            }
        }

        return false;
    }
}
