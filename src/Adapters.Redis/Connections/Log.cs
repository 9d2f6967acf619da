using Microsoft.Extensions.Logging;

namespace WorkflowSessions.Redis;

/// <summary>
/// The log messages of the connection, in the category of <see cref="WorkflowSessionsDiagnostics"/>. None has an address or a password.
/// </summary>
internal static partial class Log
{
    [LoggerMessage(20, LogLevel.Error, "Not connected to Redis for {Seconds} s: {Reason}. {Remedy}")]
    public static partial void LogNotConnected(this ILogger logger, long seconds, string reason, string remedy);

    [LoggerMessage(21, LogLevel.Information, "Connected to Redis again after {Seconds} s.")]
    public static partial void LogConnectedAgain(this ILogger logger, long seconds);
}
