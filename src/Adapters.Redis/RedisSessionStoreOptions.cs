namespace WorkflowSessions.Redis;

/// <summary>Options of sessions in Redis. An idle timeout of none needs an absolute one: nothing lives for ever there.</summary>
public sealed class RedisSessionStoreOptions : BufferedSessionStoreOptions
{
    /// <summary>
    /// What all keys begin with. Null by default, which stands for <c>workflowsessions:{application}:</c>, with the name of the host's application; without a
    /// host for <c>workflowsessions:</c>. Applications that are to share sessions take the same prefix. It must not have a brace, because what is in
    /// braces chooses the slot of a cluster.
    /// </summary>
    public string? KeyPrefix { get; set; }

    /// <summary>The number of the database; -1, the one that the connection names, by default. A cluster has only 0.</summary>
    public int Database { get; set; } = -1;

    /// <summary>How long to wait for an answer of the server, 5 seconds by default. A commit without an answer may be stored.</summary>
    public TimeSpan CommandTimeout { get; set; } = TimeSpan.FromSeconds(5);

    /// <inheritdoc />
    protected override bool RequiresExpiry => true;

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
            CommandTimeout >= TimeSpan.FromMilliseconds(1) && CommandTimeout <= TimeSpan.FromHours(1),
            $"{nameof(CommandTimeout)} must be from a millisecond to an hour.",
            parameterName
        );
    }
}
