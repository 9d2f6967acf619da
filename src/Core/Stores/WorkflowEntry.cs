namespace WorkflowSessions;

/// <summary>One value of a snapshot, as it is stored. Immutable and thread-safe.</summary>
/// <param name="encoded">A kind character and the payload, which must not change any more.</param>
public sealed class WorkflowEntry(ReadOnlyMemory<byte> encoded)
{
    internal static readonly object NotDecoded = new();

    /// <summary>A kind character and the payload.</summary>
    public ReadOnlyMemory<byte> Encoded { get; } = encoded;

    /// <summary>
    /// The value, once it was read; <see cref="NotDecoded"/> until then, and for ever where each reader gets a copy. Requests that share the snapshot share it.
    /// </summary>
    internal object? Decoded { get; set; } = NotDecoded;
}
