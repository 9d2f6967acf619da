using System.Security.Cryptography;

namespace WorkflowSessions;

/// <summary>The secret of a session at one moment. Immutable.</summary>
internal sealed class SecretState(byte[]? hash, long? sent)
{
    /// <summary>The SHA-256 of the secret (FIPS 180-4). A secret is random and long, so that no slower hash is needed.</summary>
    public const string HashKey = "secret";

    /// <summary>When the secret was last sent, in Unix milliseconds.</summary>
    public const string SentKey = "sent";

    public bool Exists => hash is not null;

    public DateTimeOffset? SentAt => sent is { } time ? DateTimeOffset.FromUnixTimeMilliseconds(time) : null;

    public static SecretState Of(WorkflowRecord? record)
    {
        byte[]? hash = null;
        object? sent = null;
        if (record?.Table.TryGetValue(HashKey, out WorkflowEntry? encoded) == true)
        {
            hash = ValueCodec.TryDecode(encoded.Encoded.Span, out object? value) && value is byte[] bytes ? bytes : [];
            _ = record.Table.TryGetValue(SentKey, out WorkflowEntry? time) && ValueCodec.TryDecode(time.Encoded.Span, out sent);
        }

        return new SecretState(hash, sent as long?);
    }

    public static SecretState Of(BufferedWorkflowEntries entries) =>
        new(
            entries.Has(HashKey) ? Bytes(entries, HashKey) : null,
            entries.TryGet(SentKey, typeof(long), out object? sent) ? sent as long? : null
        );

    public static byte[] Bytes(BufferedWorkflowEntries entries, string key) =>
        entries.TryGet(key, typeof(byte[]), out object? value) && value is byte[] bytes ? bytes : [];

    public static bool IsHashOf(ReadOnlySpan<byte> hash, ReadOnlySpan<byte> secret) =>
        CryptographicOperations.FixedTimeEquals(hash, SHA256.HashData(secret));

    public bool Verify(ReadOnlySpan<byte> secret) => IsHashOf(hash, secret);
}
