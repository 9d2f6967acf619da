using System.Text;

namespace WorkflowSessions.Contracts;

/// <summary>Damages what is stored, by a seed and a number, so that each damage can be had again.</summary>
public sealed class Damage
{
    private const string Kinds = "nbYysSiIlLpPhHfdmctuDOakrgwWxj";
    private const string Telling = Kinds + "0123456789+-.:,eETZ{}[]\"\\ \0\n\u007F\u0080\u00C3\u00ED\u00F4\u00FF#";

    // The bytes that are added at the most.
    private const int Most = 100_000;

    private static readonly string[] Numbers =
    [
        "",
        "0",
        "-0",
        "-1",
        "+1",
        "007",
        "1.5",
        "1e9",
        "0x10",
        " 1",
        "1\0",
        "253402300800000",
        "-62135596800001",
        "9007199254740992",
        "9007199254740993",
        "9223372036854775806",
        "9223372036854775807",
        "9223372036854775808",
        "-9223372036854775808",
        "18446744073709551616",
        "NaN",
        "Infinity",
        "\u0661",
        new('9', 400),
        "-1e99999999999999999999",
        "1e-99999999999999999999",
    ];

    private readonly Random _random;

    public Damage(ulong seed, long number)
    {
        // Two numbers that lie side by side have nothing in common (SplitMix64).
        ulong mixed = seed + ((ulong)number * 0x9E3779B97F4A7C15);
        mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9;
        mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB;
        _random = new Random((int)(mixed >> 32));
    }

    public int Next(int below) => _random.Next(below);

    public T Any<T>(IReadOnlyList<T> items)
    {
        ArgumentNullException.ThrowIfNull(items);
        return items[_random.Next(items.Count)];
    }

    public byte[] RandomBytes(int length)
    {
        byte[] bytes = new byte[length];
        _random.NextBytes(bytes);
        return bytes;
    }

    /// <summary>A number that somebody may find where another was: of another form, out of range, or just before it.</summary>
    public string Number() => Any(Numbers);

    /// <summary>Other bytes in the place of these. Rarely they are the same, or many.</summary>
    public byte[] Bytes(byte[] bytes)
    {
        ArgumentNullException.ThrowIfNull(bytes);
        int at = Next(bytes.Length + 1);
        int end = at + Next(bytes.Length - at + 1);
        switch (Next(15))
        {
            case 0 or 1 or 2 when bytes.Length > 0:
                byte[] flipped = [.. bytes];
                for (int i = Next(3); i >= 0; i--)
                {
                    flipped[Next(flipped.Length)] ^= (byte)(1 << Next(8));
                }

                return flipped;
            case 3:
                return bytes[..at];
            case 4:
                return bytes[at..];
            case 5:
                return [.. bytes[..at], .. RandomBytes(1 + Next(8)), .. bytes[at..]];
            case 6:
                return [.. bytes[..at], .. bytes[end..]];
            case 7 or 8 when bytes.Length > 0:
                byte[] replaced = [.. bytes];
                replaced[Next(replaced.Length)] = (byte)Any(Telling.ToCharArray());
                return replaced;
            case 9:
                return [.. bytes[..Math.Min(1, bytes.Length)], .. Encoding.UTF8.GetBytes(Number())];
            case 10:
                return [(byte)Any(Kinds.ToCharArray()), .. bytes[Math.Min(1, bytes.Length)..]];
            case 11:
                return [(byte)Next(256), .. bytes[Math.Min(1, bytes.Length)..]];
            case 12:
                return Next(20) == 0 ? [.. bytes, .. Repeat(bytes[at..end], Next(Most / (end - at + 1)))] : [.. bytes, .. bytes[at..end]];
            case 13:
                return Json();
            default:
                return RandomBytes(Next(Next(50) == 0 ? 70_000 : 40));
        }
    }

    /// <summary>Decimal numbers with a space between, of which some are others, more, fewer, or in another place.</summary>
    public byte[] Numbered(byte[] bytes)
    {
        List<string> parts = [.. Encoding.Latin1.GetString(bytes).Split(' ')];
        int at = Next(parts.Count);
        switch (Next(8))
        {
            case 0 or 1 or 2:
                parts[at] = Number();
                break;
            case 3:
                parts.Insert(Next(parts.Count + 1), Number());
                break;
            case 4:
                parts.RemoveAt(at);
                break;
            case 5:
                int other = Next(parts.Count);
                (parts[at], parts[other]) = (parts[other], parts[at]);
                break;
            case 6:
                parts[at] = $"{parts[at]} ";
                break;
            default:
                return Bytes(bytes);
        }

        return Encoding.UTF8.GetBytes(string.Join(' ', parts));
    }

    private byte[] Json() =>
        Encoding.UTF8.GetBytes(
            Next(6) switch
            {
                0 => "j" + new string('[', 1 + Next(3_000)),
                1 => "j" + new string('[', 60) + new string(']', 60),
                2 => "j[" + string.Join(',', Repeat(["{}", "[]", "\"\\uD800\"", "1e999"], 1 + Next(20))) + "]",
                3 => "j{\"Street\":null,\"Street\":1,\"Number\":" + Number() + "}",
                4 => "j" + Number(),
                _ => "j{\"$type\":\"System.Object\",\"$id\":\"1\",\"Number\":\"5\"}",
            }
        );

    private static IEnumerable<T> Repeat<T>(IEnumerable<T> items, int times) => Enumerable.Repeat(items, times).SelectMany(item => item);
}
