namespace WorkflowSessions.DistributedCache;

/// <summary>Options of sessions in a distributed cache. An idle timeout of none needs an absolute one: nothing lives for ever there.</summary>
public sealed class DistributedCacheSessionStoreOptions : BufferedSessionStoreOptions
{
    /// <summary>
    /// What all keys begin with. Null by default, which stands for <c>workflowsessions:{application}:</c>, with the name of the host's application; without a
    /// host for <c>workflowsessions:</c>. Applications that are to share sessions take the same prefix.
    /// </summary>
    public string? KeyPrefix { get; set; }

    /// <summary>How long a load, a commit or the end of a session may take, from the call to the last answer. 5 seconds by default.</summary>
    /// <remarks>
    /// The time in which a commit waits for earlier commits of its workflow counts. A commit that was not sent when the time is over is certainly not stored; one
    /// that was sent may be stored. From a millisecond to an hour, measured by <see cref="BufferedSessionStoreOptions.TimeProvider"/>.
    /// </remarks>
    public TimeSpan CommandTimeout { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// Whether <c>UpdateAsync</c> may be used, false by default. It then notices what other requests of this process committed meanwhile; of two
    /// processes that commit within the same moment, one can lose its update.
    /// </summary>
    public bool AllowBestEffortUpdates { get; set; }

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
            CommandTimeout >= TimeSpan.FromMilliseconds(1) && CommandTimeout <= TimeSpan.FromHours(1),
            $"{nameof(CommandTimeout)} must be from a millisecond to an hour.",
            parameterName
        );
    }
}
