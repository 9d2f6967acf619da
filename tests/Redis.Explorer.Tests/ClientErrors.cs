using StackExchange.Redis;

namespace WorkflowSessions.Redis.Explorer;

/// <summary>The errors that the client of Redis raises.</summary>
internal static class ClientErrors
{
    public static RedisConnectionException Broken() =>
        new(ConnectionFailureType.SocketClosed, CommandFlags.None, "The connection broke.", innerException: null, CommandStatus.Sent);

    public static RedisConnectionException NotSent() =>
        new(
            ConnectionFailureType.UnableToResolvePhysicalConnection,
            CommandFlags.None,
            "There is no connection.",
            innerException: null,
            CommandStatus.WaitingToBeSent
        );

    public static RedisTimeoutException TimedOut() => new(CommandFlags.None, "There was no answer in time.", CommandStatus.Sent);

    public static RedisServerException Answered(string message) => new(RedisErrorKind.Unknown, CommandFlags.None, message);
}
