namespace WorkflowSessions.Redis;

/// <summary>Options of sessions in Redis. An idle timeout of none needs an absolute one: nothing lives for ever there.</summary>
public sealed class RedisSessionStoreOptions : BufferedSessionStoreOptions
{
#if REDIS_CLIENT_1
    // The first major version of the client can't choose the server of a command.
    private const int MostReplicas = 0;
#else
    private const int MostReplicas = 10;
#endif

    /// <summary>
    /// What all keys begin with. Null by default, which stands for <c>workflowsessions:{application}:</c>, with the name of the host's application; without a
    /// host for <c>workflowsessions:</c>. Applications that are to share sessions take the same prefix. It must not have a brace, because what is in
    /// braces chooses the slot of a cluster.
    /// </summary>
    public string? KeyPrefix { get; set; }

    /// <summary>The number of the database; -1, the one that the connection names, by default. A cluster has only 0.</summary>
    public int Database { get; set; } = -1;

    /// <summary>
    /// How long to wait for an answer of the server, from a millisecond to a minute; 5 seconds by default. A commit without an answer may be stored. Where the
    /// client of Redis times out first, as on a connection of the store's own, the wait can last a second longer.
    /// </summary>
    public TimeSpan CommandTimeout { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// Whether an operation fails at once (after 20 milliseconds), with the reason, while the connection is known to be down; true by default. It is known to be down
    /// when no server has been connected for 2 seconds, or when the first attempt to connect has failed. The client goes on reconnecting, and
    /// operations are sent again as soon as it is connected. When false, an operation waits for a connection until <see cref="CommandTimeout"/>.
    /// </summary>
    /// <remarks>
    /// An operation that begins earlier in an outage waits until the connection is back or known to be down, so that a short cut fails nothing.
    /// An operation that was sent before the connection broke is sent again until <see cref="CommandTimeout"/>, whatever this option says.
    /// </remarks>
    public bool FailFast { get; set; } = true;

    /// <summary>
    /// How many replicas must have received a commit before it is acknowledged, from 0 to 10; 0 by default, which waits for none. Otherwise a commit that is stored,
    /// but not received by so many replicas within <see cref="CommandTimeout"/>, throws <see cref="SessionStoreException"/> with
    /// <see cref="SessionStoreException.MayBeStored"/> true.
    /// </summary>
    /// <remarks>
    /// A second connection with the configuration of the first one waits, so that nothing else does. Callbacks that are set in code on a connection of the
    /// application are not part of it. docs/redis.md says which failovers can still lose a commit. It needs version 2 or later of StackExchange.Redis.
    /// </remarks>
    public int WaitForReplicas { get; set; }

    /// <inheritdoc />
    protected override bool RequiresExpiry => true;

    /// <summary>Counts the time since the last answer of the server.</summary>
    /// <remarks>Tests that simulate the server replace it. A test that only replaces the clock of the node moves no server.</remarks>
    internal TimeProvider Stopwatch { get; set; } = TimeProvider.System;

    internal string EffectiveKeyPrefix => KeyPrefix ?? "workflowsessions:";

    /// <inheritdoc />
    protected override void UseApplicationName(string applicationName) =>
        KeyPrefix ??= $"workflowsessions:{Uri.EscapeDataString(applicationName)}:";

    /// <inheritdoc />
    public override void ThrowIfInvalid(string? parameterName = null)
    {
        base.ThrowIfInvalid(parameterName);
        Require(
            KeyPrefix is null || KeyPrefix.AsSpan().IndexOfAny('{', '}') < 0,
            $"{nameof(KeyPrefix)} must have no brace.",
            parameterName
        );
        Require(Database >= -1, $"{nameof(Database)} must be the number of a database, or -1 for that of the connection.", parameterName);
        Require(
            CommandTimeout >= TimeSpan.FromMilliseconds(1) && CommandTimeout <= Protocol.LongestValidity,
            $"{nameof(CommandTimeout)} must be from a millisecond to a minute.",
            parameterName
        );
        Require(
            WaitForReplicas is >= 0 and <= MostReplicas,
            $"{nameof(WaitForReplicas)} must be from 0, which waits for none, to {MostReplicas}.",
            parameterName
        );
    }
}
