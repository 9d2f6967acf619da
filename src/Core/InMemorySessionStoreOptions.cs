namespace WorkflowSessions;

/// <summary>Options of sessions in this process.</summary>
public sealed class InMemorySessionStoreOptions : BufferedSessionStoreOptions
{
    /// <summary>How many sessions there may be at a time. Null, no limit, by default. One more fails; no live session makes room for it.</summary>
    public int? MaxSessions { get; set; }

    /// <inheritdoc />
    public override void ThrowIfInvalid(string? parameterName = null)
    {
        base.ThrowIfInvalid(parameterName);
        Require(MaxSessions is null or > 0, $"{nameof(MaxSessions)} must be at least 1, or null for no limit.", parameterName);
    }
}
