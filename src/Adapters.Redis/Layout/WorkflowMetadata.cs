using System.Buffers.Text;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Unicode;

namespace WorkflowSessions.Redis;

/// <summary>The field <c>#</c> of a workflow. See <see cref="WorkflowLayout"/>.</summary>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct WorkflowMetadata(char State, long Generation, long Version, long Modified, long Expires, long Deadline)
{
    // Six numbers and letters of at most 14 digits, a sign, and the spaces between them.
    private const int LongestText = 80;

    /// <summary>How many nodes have a record beside it, as far as it was loaded with them.</summary>
    public int Nodes { get; init; }

    /// <summary>Whether the workflow has ended, or has expired at a time of the server.</summary>
    public bool IsOver(long serverTime) => State == Protocol.Tombstone || (HasContent && Expires <= serverTime);

    /// <summary>Whether the state is one that this version knows, and not a tombstone.</summary>
    public bool HasContent => State is Protocol.Active or Protocol.Claimed or Protocol.HasReceipt;

    /// <summary>Reads the field. Only text that a script writes is accepted: 007 or +1 would not be equal there.</summary>
    /// <exception cref="FormatException">It is damaged.</exception>
    public static WorkflowMetadata Parse(ReadOnlySpan<byte> text)
    {
        if (text is not [>= (byte)'a' and <= (byte)'z', (byte)' ', ..])
        {
            throw Damaged();
        }

        char state = (char)text[0];
        ReadOnlySpan<byte> rest = text[2..];
        long generation = Number(ref rest);
        long version = Number(ref rest);
        bool isNegative = rest is [(byte)'-', ..];
        rest = isNegative ? rest[1..] : rest;
        long modified = Number(ref rest);
        long expires = Number(ref rest);
        long deadline = Number(ref rest);
        return version < Protocol.Largest && expires < Protocol.Largest && deadline < Protocol.Largest && rest.IsEmpty && text[^1] != ' '
            ? new WorkflowMetadata(state, generation, version, isNegative ? -modified : modified, expires, deadline)
            : throw Damaged();
    }

    /// <summary>Whether a commit until then has nothing to renew, and its key lives long enough.</summary>
    /// <param name="serverTime">A time of the server.</param>
    /// <param name="idleTimeout">The idle timeout of the commit, in milliseconds.</param>
    public bool IsSettledUntil(long serverTime, long? idleTimeout)
    {
        long left = Expires - serverTime;
        return left > Protocol.Window.TotalMilliseconds
            && (Expires == Deadline || (idleTimeout is { } idle && left >= Protocol.RenewedBelow * idle))
            && (idleTimeout is not { } longest || left <= longest);
    }

    /// <summary>The text that <see cref="Parse"/> reads.</summary>
    public byte[] Format()
    {
        Span<byte> text = stackalloc byte[LongestText];
        Utf8.TryWrite(
            text,
            CultureInfo.InvariantCulture,
            $"{State} {Generation} {Version} {Modified} {Expires} {Deadline}",
            out int length
        );
        return text[..length].ToArray();
    }

    /// <summary>Reads a number and the space behind it, where there is one.</summary>
    private static long Number(ref ReadOnlySpan<byte> rest)
    {
        int end = rest.IndexOf((byte)' ');
        ReadOnlySpan<byte> digits = end < 0 ? rest : rest[..end];
        if (
            digits.IsEmpty
            || digits.Length > Protocol.LongestNumber
            || digits is [(byte)'0', _, ..]
            || digits.IndexOfAnyExceptInRange((byte)'0', (byte)'9') >= 0
            || !Utf8Parser.TryParse(digits, out long number, out _)
        )
        {
            throw Damaged();
        }

        rest = end < 0 ? [] : rest[(end + 1)..];
        return number;
    }

    private static FormatException Damaged() => new("The metadata are missing, or not of their form.");
}
