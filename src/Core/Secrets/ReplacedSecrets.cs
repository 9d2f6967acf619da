using System.Buffers.Binary;
using System.Security.Cryptography;

namespace WorkflowSessions;

/// <summary>The secrets of a session that were replaced lately, as its record stores them. Each leads to the one that replaced it. Immutable.</summary>
/// <remarks>For each one: when it was replaced, in Unix milliseconds, 8 bytes, big endian; its SHA-256; and the next secret, sealed with it. Oldest first.</remarks>
internal sealed class ReplacedSecrets
{
    /// <summary>The size of a secret that can be sealed.</summary>
    public const int SecretBytes = 32;

    private const int TimeBytes = sizeof(long);
    private const int OneBytes = TimeBytes + SHA256.HashSizeInBytes + SecretBytes;

    // More clicks on one button than a person makes in a minute.
    private const int MaxReplaced = 16;

    private readonly byte[][] _all;

    /// <summary>Reads those that were replaced within the grace period. A time in the future, by the clock of another node, counts as now.</summary>
    public ReplacedSecrets(byte[] stored, DateTimeOffset now, TimeSpan gracePeriod)
    {
        long oldest = (now - gracePeriod).ToUnixTimeMilliseconds();
        _all =
            gracePeriod <= TimeSpan.Zero
                ? []
                : [.. stored.Chunk(OneBytes).Where(one => one.Length == OneBytes && BinaryPrimitives.ReadInt64BigEndian(one) >= oldest)];
    }

    /// <summary>What is stored when one more is replaced.</summary>
    public byte[] With(DateTimeOffset now, ReadOnlySpan<byte> secret, ReadOnlySpan<byte> next)
    {
        byte[] time = new byte[TimeBytes];
        BinaryPrimitives.WriteInt64BigEndian(time, now.ToUnixTimeMilliseconds());
        byte[] added = [.. time, .. SHA256.HashData(secret), .. Seal(next, secret)];
        return [.. _all.TakeLast(MaxReplaced - 1).SelectMany(one => one), .. added];
    }

    /// <summary>Follows a secret to the last one that replaced it; the same when it was not replaced.</summary>
    public byte[] Follow(ReadOnlySpan<byte> secret)
    {
        byte[] last = secret.ToArray();
        foreach (byte[] one in _all)
        {
            if (CryptographicOperations.FixedTimeEquals(one.AsSpan(TimeBytes, SHA256.HashSizeInBytes), SHA256.HashData(last)))
            {
                last = Seal(one.AsSpan(TimeBytes + SHA256.HashSizeInBytes), last);
            }
        }

        return last;
    }

    /// <summary>
    /// Seals a secret with the one that it replaces, or opens it again: XOR with HMAC-SHA256 (RFC 2104) as a one-time pad, because each secret is replaced once. The
    /// store, which has only hashes, can't open it.
    /// </summary>
    private static byte[] Seal(ReadOnlySpan<byte> secret, ReadOnlySpan<byte> replaced)
    {
        byte[] pad = HMACSHA256.HashData(replaced, "WorkflowSessions replaced secret"u8);
        for (int i = 0; i < SecretBytes; i++)
        {
            pad[i] ^= secret[i];
        }

        return pad;
    }
}
