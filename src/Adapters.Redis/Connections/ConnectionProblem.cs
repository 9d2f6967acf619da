using System.Net.Sockets;
using System.Security.Authentication;
using StackExchange.Redis;

namespace WorkflowSessions.Redis;

/// <summary>Why there is no connection, in words that hold no address, no user and no password.</summary>
/// <param name="Reason">The cause, as the end of a sentence.</param>
/// <param name="Remedy">What to do next.</param>
internal sealed record ConnectionProblem(string Reason, string Remedy)
{
    public static readonly ConnectionProblem Connecting = new(
        "the first connection is still being made",
        "Check the address, or give the client a shorter connectTimeout."
    );

    public static readonly ConnectionProblem Lost = new(
        "the connection was lost",
        "Check that the server runs; the client reconnects by itself."
    );

    private static readonly ConnectionProblem UnknownHost = new("the host name is unknown", "Check the host in the address, and DNS.");

    private static readonly ConnectionProblem Refused = new(
        "nothing listens on the port (connection refused)",
        "Check the port in the address, and that the server runs."
    );

    public static readonly ConnectionProblem Unreachable = new(
        "the server does not answer",
        "Check the address, the network and the firewall, and that the server runs."
    );

    private static readonly ConnectionProblem Authentication = new(
        "authentication failed",
        "Check the user and the password of the connection."
    );

    public static readonly ConnectionProblem Tls = new(
        "the TLS handshake failed",
        "Name a port of the server that speaks TLS, with a certificate for that host which this machine trusts, or connect without TLS."
    );

    private static readonly ConnectionProblem ClosedByServer = new(
        "the server closed the connection before it answered",
        "If the port speaks TLS, connect with rediss:// or ssl=true."
    );

    private static readonly ConnectionProblem NotRedis = new("what answers is not Redis", "Check the host and the port in the address.");

    /// <summary>The problem of a connection that never was usable.</summary>
    public static ConnectionProblem Of(Exception error)
    {
        Exception[] chain = [.. Chain(error)];
        foreach (SocketException socket in chain.OfType<SocketException>())
        {
            switch (socket.SocketErrorCode)
            {
                case SocketError.HostNotFound or SocketError.TryAgain or SocketError.NoData or SocketError.NoRecovery:
                    return UnknownHost;
                case SocketError.ConnectionRefused:
                    return Refused;
                case SocketError.TimedOut or SocketError.HostUnreachable or SocketError.NetworkUnreachable or SocketError.HostDown:
                    return Unreachable;
            }
        }

        ConnectionFailureType[] types = [.. chain.OfType<RedisConnectionException>().Select(failed => failed.FailureType)];
        if (types.Contains(ConnectionFailureType.AuthenticationFailure) || chain.Any(IsRefusedLogin))
        {
            // The client reports a failed TLS handshake as a failed authentication too.
            return chain.Any(cause => cause is AuthenticationException or IOException) ? Tls : Authentication;
        }

        return types.Contains(ConnectionFailureType.SocketFailure) || types.Contains(ConnectionFailureType.SocketClosed) ? ClosedByServer
            : types.Contains(ConnectionFailureType.ProtocolFailure) || types.Contains(ConnectionFailureType.InternalFailure) ? NotRedis
            : Unreachable;
    }

    private static bool IsRefusedLogin(Exception error) =>
        error is RedisServerException
        && (error.Message.Contains("NOAUTH", StringComparison.Ordinal) || error.Message.Contains("WRONGPASS", StringComparison.Ordinal));

    private static IEnumerable<Exception> Chain(Exception error) =>
        error is AggregateException several
            ? several.InnerExceptions.SelectMany(Chain)
            : (error.InnerException is { } inner ? Chain(inner) : []).Prepend(error);
}
