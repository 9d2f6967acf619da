namespace WorkflowSessions;

/// <summary>Options of sessions in this process.</summary>
public sealed class InMemorySessionStoreOptions : BufferedSessionStoreOptions
{
    /// <summary>How many sessions there may be at a time, at least 1. Null, no limit, by default.</summary>
    /// <remarks>
    /// A commit that would begin one more throws <see cref="SessionStoreException"/>, with <see cref="SessionStoreException.MayBeStored"/> false. No
    /// live session makes room for it; expired sessions do. A refusal takes the same time however many sessions there are.
    /// </remarks>
    public int? MaxSessions { get; set; }

    /// <inheritdoc />
    public override void ThrowIfInvalid(string? parameterName = null)
    {
        base.ThrowIfInvalid(parameterName);
        Require(MaxSessions is null or > 0, $"{nameof(MaxSessions)} must be at least 1, or null for no limit.", parameterName);
    }
}
