using System.Buffers.Text;
using System.Runtime.InteropServices;
using System.Text;
using StackExchange.Redis;

namespace WorkflowSessions.Redis;

/// <summary>How a session is stored: its keys and fields, and how they are read. Commits are written by Scripts/commit.lua.</summary>
/// <remarks>
/// Layout, version 2. The root of a session is the beginning of the SHA-256 of its id, in base64url, in braces, so that all its keys are in one slot of
/// a cluster. All times are Unix milliseconds; they are the server's, but for the time of the last change, which is the node's.
/// <code>
/// {prefix}v2:{root}:{workflow}   hash, one per workflow. It stays as long as the workflow lives, and two minutes after each commit
///     #                          state generation version modified expires deadline, with one space between
///         state                  a: active. k: claimed. c: completed, without entries. e: a tombstone, without entries. Other letters
///                                belong to newer versions
///         modified               the time of the last change
///         expires                when the workflow ends unless it is used; never after the deadline
///         deadline               when it ends however often it is used; 0 for never
///     @{node}                    number outcome generation until: the last commit of a node, what it was answered (a number of
///                                Answer), the generation in which it was stored (else 0), and the time until which it was valid
///     .{key}                     one entry: a kind character and the payload
///     !                          k: the number of the claim, a space, and when it runs out. c: the receipt, as an entry is kept. Else absent
/// {prefix}v2:{root}              sorted set: the workflows of the session by the time they expire. It lives as long as the longest of them
/// {prefix}v2:{root}!             never there: it is written and deleted in one step, see WaitGroup
/// </code>
/// </remarks>
internal sealed class WorkflowLayout(string root)
{
    private const byte EntryField = (byte)'.';
    private const byte NodeByte = (byte)'@';
    private const byte MetadataByte = (byte)'#';
    private const byte CompletionByte = (byte)'!';

    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>The field that holds the metadata.</summary>
    public static readonly RedisValue MetadataField = "#";

    /// <summary>The field that holds the claim or the receipt.</summary>
    public static readonly RedisValue CompletionField = "!";

    /// <summary>The key of the sorted set.</summary>
    public RedisKey Index => root;

    /// <summary>A key in the slot of the session that never holds anything.</summary>
    public RedisKey Unused => $"{root}!";

    public static WorkflowLayout Of(string keyPrefix, string hashOfSession) => new($"{keyPrefix}v2:{{{hashOfSession}}}");

    public string Key(string workflowId) => $"{root}:{workflowId}";

    /// <summary>The key for a member of the index, whatever bytes it has.</summary>
    public RedisKey KeyOf(RedisValue member)
    {
        byte[] bytes = [.. StrictUtf8.GetBytes(root), (byte)':', .. (byte[])member!];
        return bytes;
    }

    /// <summary>The id of a workflow in the index; null for bytes that are no id.</summary>
    public static string? WorkflowIdOf(RedisValue member)
    {
        try
        {
            return StrictUtf8.GetString((byte[])member!);
        }
        catch (DecoderFallbackException)
        {
            return null;
        }
    }

    public static RedisValue Field(string key) => $".{key}";

    public static RedisValue NodeField(string node) => $"@{node}";

    public static bool IsEntry(RedisValue field) => ((byte[])field!) is [EntryField, ..];

    /// <summary>The bytes of a value, without a copy where they are an array of their own.</summary>
    public static RedisValue Value(ReadOnlyMemory<byte> value) =>
        MemoryMarshal.TryGetArray(value, out ArraySegment<byte> array) && array.Offset == 0 && array.Count == array.Array!.Length
            ? array.Array
            : value.ToArray();

    /// <summary>Reads the fields of a workflow.</summary>
    /// <param name="workflowId">The id of the workflow, for errors.</param>
    /// <param name="fields">All fields of the hash; at least one.</param>
    /// <param name="serverTime">The time of the server.</param>
    /// <param name="now">The same time by the clock of the node, in which the expiry is told.</param>
    /// <param name="metadata">Its metadata.</param>
    /// <returns>Null when the workflow has ended or expired.</returns>
    /// <exception cref="SessionStoreException">The workflow is damaged, or in a state of a newer version.</exception>
    public static WorkflowRecord? Read(
        string workflowId,
        HashEntry[] fields,
        long serverTime,
        DateTimeOffset now,
        out WorkflowMetadata metadata
    )
    {
        Dictionary<string, WorkflowEntry> entries = new(fields.Length, StringComparer.Ordinal);
        WorkflowMetadata? found = null;
        byte[]? completion = null;
        int nodes = 0;
        try
        {
            foreach (HashEntry field in fields)
            {
                byte[] name = (byte[])field.Name!;
                if (name is [EntryField, ..])
                {
                    entries[StrictUtf8.GetString(name.AsSpan(1))] = new WorkflowEntry((byte[])field.Value!);
                }
                else if (name is [MetadataByte])
                {
                    found = WorkflowMetadata.Parse((byte[])field.Value!);
                }
                else if (name is [CompletionByte])
                {
                    completion = (byte[])field.Value!;
                }
                else if (name is [NodeByte, ..])
                {
                    nodes++;
                }
                else
                {
                    throw new FormatException("A field is neither an entry nor metadata.");
                }
            }

            metadata = (found ?? throw new FormatException("There are no metadata.")) with { Nodes = nodes };

            if (metadata.State != Protocol.Tombstone && !metadata.HasContent)
            {
                throw RedisErrors.Newer(workflowId, new FormatException($"State '{metadata.State}'."));
            }

            if (completion is null != metadata.State is Protocol.Active or Protocol.Tombstone)
            {
                throw new FormatException("The claim or the receipt is missing, or one too many.");
            }

            if (entries.Count > 0 && metadata.State is Protocol.Tombstone or Protocol.HasReceipt)
            {
                throw new FormatException("A tombstone or a completed workflow has entries.");
            }

            if (metadata.State == Protocol.Tombstone)
            {
                return null;
            }

            WorkflowRecord record = new(
                entries,
                metadata.Generation,
                metadata.Version,
                DateTimeOffset.FromUnixTimeMilliseconds(metadata.Modified),
                metadata.Deadline == 0 ? null : DateTimeOffset.FromUnixTimeMilliseconds(metadata.Deadline),
                now.AddMilliseconds(metadata.Expires - serverTime)
            )
            {
                Claim = metadata.State == Protocol.Claimed ? ReadClaim(completion!, serverTime, now) : null,
                Receipt = metadata.State == Protocol.HasReceipt ? new WorkflowEntry(completion!) : null,
            };
            return metadata.IsOver(serverTime) ? null : record;
        }
        catch (Exception error) when (error is FormatException or OverflowException or ArgumentException)
        {
            throw RedisErrors.Damaged(workflowId, error);
        }
    }

    private static WorkflowClaim ReadClaim(ReadOnlySpan<byte> text, long serverTime, DateTimeOffset now)
    {
        int space = text.IndexOf((byte)' ');
        return
            space > 0
            && Utf8Parser.TryParse(text[..space], out long id, out int idLength)
            && idLength == space
            && Utf8Parser.TryParse(text[(space + 1)..], out long endsAt, out int endLength)
            && endLength == text.Length - space - 1
            ? new WorkflowClaim(id, now.AddMilliseconds(endsAt - serverTime))
            : throw new FormatException("The claim is damaged.");
    }
}
