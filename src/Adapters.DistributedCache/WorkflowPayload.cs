using System.Buffers.Binary;
using System.Text;

namespace WorkflowSessions.DistributedCache;

/// <summary>A workflow as the value of a cache entry.</summary>
/// <remarks>
/// Layout, version 1; numbers are little-endian, and a length is LEB128 without a sign.
/// <code>
/// 1 byte     the version of the layout, 1
/// 8 bytes    generation
/// 8 bytes    version of the workflow
/// 8 bytes    time of the last change, Unix milliseconds
/// 8 bytes    deadline, Unix milliseconds; 0 for none
/// length     the number of entries, and for each of them:
///   length, key in UTF-8
///   length, value: a kind character and the payload
/// </code>
/// Nothing may follow.
/// </remarks>
internal static class WorkflowPayload
{
    private const byte FormatVersion = 1;
    private const int HeaderBytes = 1 + (4 * sizeof(long));

    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    public static byte[] Write(WorkflowRecord record)
    {
        int size = HeaderBytes + SizeOf(record.Entries.Count);
        foreach ((string key, WorkflowEntry entry) in record.Entries)
        {
            int bytes = StrictUtf8.GetByteCount(key);
            size += SizeOf(bytes) + bytes + SizeOf(entry.Encoded.Length) + entry.Encoded.Length;
        }

        byte[] payload = new byte[size];
        payload[0] = FormatVersion;
        BinaryPrimitives.WriteInt64LittleEndian(payload.AsSpan(1), record.Generation);
        BinaryPrimitives.WriteInt64LittleEndian(payload.AsSpan(9), record.Version);
        BinaryPrimitives.WriteInt64LittleEndian(payload.AsSpan(17), record.LastModified.ToUnixTimeMilliseconds());
        BinaryPrimitives.WriteInt64LittleEndian(payload.AsSpan(25), record.Deadline?.ToUnixTimeMilliseconds() ?? 0);
        Span<byte> rest = payload.AsSpan(HeaderBytes);
        WriteLength(ref rest, record.Entries.Count);
        foreach ((string key, WorkflowEntry entry) in record.Entries)
        {
            WriteLength(ref rest, StrictUtf8.GetByteCount(key));
            rest = rest[StrictUtf8.GetBytes(key, rest)..];
            WriteLength(ref rest, entry.Encoded.Length);
            entry.Encoded.Span.CopyTo(rest);
            rest = rest[entry.Encoded.Length..];
        }

        return payload;
    }

    /// <summary>Reads a payload, whose memory the values then share.</summary>
    /// <exception cref="FormatException">It is not of this layout.</exception>
    public static WorkflowRecord Read(ReadOnlyMemory<byte> payload)
    {
        if (payload.IsEmpty || payload.Span[0] == 0)
        {
            throw new FormatException("it is not a workflow.");
        }

        if (payload.Span[0] > FormatVersion)
        {
            throw new FormatException("it has no version that is known here, as from a newer release.");
        }

        try
        {
            ReadOnlySpan<byte> header = payload.Span[1..HeaderBytes];
            long deadline = BinaryPrimitives.ReadInt64LittleEndian(header[24..]);
            ReadOnlyMemory<byte> rest = payload[HeaderBytes..];
            int count = ReadLength(ref rest);
            // Each entry has two lengths at least: what claims more is damaged, and must not get the memory it asks for.
            if (count > rest.Length / 2)
            {
                throw new FormatException("it breaks off.");
            }

            Dictionary<string, WorkflowEntry> entries = new(count, StringComparer.Ordinal);
            for (int i = 0; i < count; i++)
            {
                string key = StrictUtf8.GetString(Take(ref rest).Span);
                entries.Add(key, new WorkflowEntry(Take(ref rest)));
            }

            return rest.IsEmpty
                ? new WorkflowRecord(
                    entries,
                    BinaryPrimitives.ReadInt64LittleEndian(header),
                    BinaryPrimitives.ReadInt64LittleEndian(header[8..]),
                    DateTimeOffset.FromUnixTimeMilliseconds(BinaryPrimitives.ReadInt64LittleEndian(header[16..])),
                    deadline == 0 ? null : DateTimeOffset.FromUnixTimeMilliseconds(deadline),
                    expiresAt: null
                )
                : throw new FormatException("something follows it.");
        }
        catch (ArgumentException error)
        {
            // A slice that is not there, a key that is there twice or is not UTF-8, a time out of range.
            throw new FormatException("it is damaged.", error);
        }
    }

    private static ReadOnlyMemory<byte> Take(ref ReadOnlyMemory<byte> rest)
    {
        int length = ReadLength(ref rest);
        ReadOnlyMemory<byte> taken = rest[..length];
        rest = rest[length..];
        return taken;
    }

    private static int ReadLength(ref ReadOnlyMemory<byte> rest)
    {
        long length = 0;
        for (int i = 0; i < 5 && i < rest.Length; i++)
        {
            byte part = rest.Span[i];
            length |= (long)(part & 0x7F) << (7 * i);
            if (part < 0x80)
            {
                rest = rest[(i + 1)..];
                return length <= int.MaxValue ? (int)length : throw new FormatException("it is damaged.");
            }
        }

        throw new FormatException("it breaks off.");
    }

    private static void WriteLength(ref Span<byte> rest, int length)
    {
        uint left = (uint)length;
        int i = 0;
        for (; left >= 0x80; left >>= 7)
        {
            rest[i++] = (byte)(left | 0x80);
        }

        rest[i] = (byte)left;
        rest = rest[(i + 1)..];
    }

    private static int SizeOf(int length)
    {
        int size = 1;
        for (uint left = (uint)length; left >= 0x80; left >>= 7)
        {
            size++;
        }

        return size;
    }
}
