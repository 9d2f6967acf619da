using StackExchange.Redis;

namespace WorkflowSessions.Redis;

/// <summary>What an error of the client or the server means, and the exception for it. Thread-safe.</summary>
internal sealed class RedisErrors(RedisConnection connection)
{
    /// <summary>Whether an error belongs to the client, the connection or the server, and not to this library.</summary>
    public static bool IsRedisError(Exception error) =>
        error is RedisServerException or RedisConnectionException or RedisCommandException or TimeoutException or ObjectDisposedException;

    /// <summary>Whether the server may have executed what failed. An answer of the server is certain, and so is an error before the request is sent.</summary>
    public static bool MayBeExecuted(Exception error) =>
        error switch
        {
            RedisServerException or RedisCommandException or ObjectDisposedException => false,
            RedisConnectionException { FailureType: ConnectionFailureType.UnableToResolvePhysicalConnection } => false,
            _ => true,
        };

    /// <summary>Whether the same request can succeed a moment later: its connection broke, a slot moves, or a master is missing.</summary>
    public static bool IsTransient(Exception error) => MayBeExecuted(error) || Is(error, "TRYAGAIN") || Is(error, "CLUSTERDOWN");

    /// <summary>Whether the server was taken for a master, or no master is known.</summary>
    public static bool IsMasterMissing(Exception error) =>
        Is(error, "READONLY") || error is RedisConnectionException { FailureType: ConnectionFailureType.UnableToResolvePhysicalConnection };

    public static bool IsUnknownScript(Exception error) => Is(error, "NOSCRIPT");

    public static bool IsOfAnotherType(Exception error) => Is(error, "WRONGTYPE");

    /// <param name="operation">The end of the sentence that begins with the workflow: "could not be loaded".</param>
    /// <param name="workflowId">The id of the workflow; empty for all of the session.</param>
    /// <param name="mayBeStored">Whether the operation may have been executed.</param>
    /// <param name="error">The cause.</param>
    public SessionStoreException Failure(string operation, string workflowId, bool mayBeStored, Exception error)
    {
        if (!mayBeStored && workflowId.Length > 0)
        {
            if (Is(error, "DAMAGED") || Is(error, "WRONGTYPE"))
            {
                return Damaged(workflowId, error);
            }

            if (Is(error, "NEWER"))
            {
                return Newer(workflowId, error);
            }
        }

        return new SessionStoreException(
            $"{Subject(workflowId)} {operation}{(mayBeStored ? ", or was without an answer" : "")}. {Advice(error)}",
            workflowId,
            mayBeStored,
            error
        );
    }

    /// <param name="workflowId">The id of the workflow; empty for all of the session.</param>
    /// <param name="replicas">How many replicas were to receive it.</param>
    /// <param name="problem">Why that is not known, and what to do; null where the error tells.</param>
    /// <param name="error">The cause.</param>
    public SessionStoreException NotReceived(string workflowId, int replicas, string? problem, Exception error) =>
        new(
            $"{Subject(workflowId)} {(workflowId.Length > 0 ? "was stored" : "were ended")}, but {nameof(RedisSessionStoreOptions.WaitForReplicas)} = "
                + $"{replicas} was not met within {nameof(RedisSessionStoreOptions.CommandTimeout)}. {problem ?? Advice(error)}",
            workflowId,
            mayBeStored: true,
            error
        );

    public static SessionStoreException Damaged(string workflowId, Exception error) => Damaged(workflowId, mayBeStored: false, error);

    public static SessionStoreException Damaged(string workflowId, bool mayBeStored, Exception error) =>
        new(
            $"What is stored of workflow '{workflowId}' is damaged, or something else has its key; nothing was read or changed. "
                + "Delete the key, or choose another prefix.",
            workflowId,
            mayBeStored,
            error
        );

    public static SessionStoreException Newer(string workflowId, Exception error) =>
        new(
            $"Workflow '{workflowId}' is in a state that this version of the library does not know; nothing was read or changed. "
                + "Update all nodes to the same version.",
            workflowId,
            mayBeStored: false,
            error
        );

    private static string Subject(string workflowId) => workflowId.Length > 0 ? $"Workflow '{workflowId}'" : "The workflows of the session";

    private string Advice(Exception error) =>
        error is ObjectDisposedException ? "The connection was closed: the application shuts down, or has disposed it."
        : error is not RedisServerException && connection.Explanation is { } explanation ? explanation
        : Is(error, "NOPERM")
            ? "The user of the connection needs the ACL rule '~{prefix}* +@hash +@sortedset +@keyspace +@scripting +@connection +info +time'."
        : Is(error, "NEWER") ? "A newer version of the library stored a workflow. Update all nodes to the same version."
        : error is TimeoutException ? $"The server did not answer within {nameof(RedisSessionStoreOptions.CommandTimeout)}."
        : error is RedisServerException ? "The server refused it."
        : "The server could not be reached.";

    private static bool Is(Exception error, string code) =>
        error is RedisServerException && error.Message.Contains(code, StringComparison.Ordinal);
}
