using System.Buffers;
using System.Buffers.Text;
using System.Globalization;
using System.Text;

namespace WorkflowSessions;

/// <summary>Values as bytes, for every store that does not keep objects.</summary>
/// <remarks>
/// Layout, version 1: one ASCII character for the kind, then the payload. Text is UTF-8, numbers and times are in the invariant culture.
/// A kind that is not listed was written by a newer version. Kinds are never given another meaning, and what was once written stays readable.
/// <code>
/// n  null             (nothing)
/// b  bool             0 or 1
/// Y  sbyte            digits, with - where negative       y  byte
/// s  short            the same                            S  ushort
/// i  int              the same                            I  uint
/// l  long             the same                            L  ulong
/// p  nint             the same                            P  nuint
/// h  Int128           the same                            H  UInt128
/// f  float            shortest text that reads back equal, NaN, Infinity, -Infinity
/// d  double           the same
/// m  decimal          with its scale and its sign: 1.50, -0.0
/// c  char             its UTF-16 unit as four hexadecimal digits
/// t  string           UTF-8
/// u  string           UTF-16, little endian, for one with a lone surrogate, which UTF-8 can't hold
/// D  DateTime         yyyy-MM-ddTHH:mm:ss.fffffff and Z for UTC, nothing for unspecified, ZL for the UTC of a local time;
///                     L for a local time without an instant, as a clock skips it in spring
/// O  DateTimeOffset   round-trip format "O"
/// a  DateOnly         yyyy-MM-dd
/// k  TimeOnly         HH:mm:ss.fffffff
/// r  TimeSpan         constant format "c"
/// g  Guid             format "D"
/// w  Uri              as it was written, UTF-8, where that tells whether it is absolute
/// W  Uri              the same behind A for absolute or R for relative, where it does not: /path
/// x  byte[]           the bytes
/// j  anything else    what the serializer wrote
/// </code>
/// An enum is the integer of its underlying type.
/// </remarks>
internal static class ValueCodec
{
    public const byte ObjectKind = (byte)'j';

    private const int DateTimeBytes = 27;

    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>The bytes of a value. Whatever the serializer throws reaches the caller.</summary>
    public static byte[] Encode(object? value, Type type, ISessionSerializer serializer) =>
        value switch
        {
            null => "n"u8.ToArray(),
            string text => EncodeString(text),
            bool flag => flag ? "b1"u8.ToArray() : "b0"u8.ToArray(),
            int number => EncodeNumber('i', number),
            long number => EncodeNumber('l', number),
            double number => Text('d', number.ToString("R", CultureInfo.InvariantCulture)),
            decimal number => EncodeDecimal(number),
            float number => Text('f', number.ToString("R", CultureInfo.InvariantCulture)),
            byte number => EncodeNumber('y', number),
            sbyte number => EncodeNumber('Y', number),
            short number => EncodeNumber('s', number),
            ushort number => EncodeNumber('S', number),
            uint number => EncodeNumber('I', number),
            ulong number => Text('L', number.ToString(CultureInfo.InvariantCulture)),
            nint number => EncodeNumber('p', number),
            nuint number => Text('P', number.ToString(CultureInfo.InvariantCulture)),
            Int128 number => Text('h', number.ToString(CultureInfo.InvariantCulture)),
            UInt128 number => Text('H', number.ToString(CultureInfo.InvariantCulture)),
            char unit => Text('c', ((int)unit).ToString("X4", CultureInfo.InvariantCulture)),
            DateTime time => Text('D', DateTimeText.Write(time)),
            DateTimeOffset time => Text('O', time.ToString("O", CultureInfo.InvariantCulture)),
            DateOnly date => Text('a', date.ToString("O", CultureInfo.InvariantCulture)),
            TimeOnly time => Text('k', time.ToString("O", CultureInfo.InvariantCulture)),
            TimeSpan span => Text('r', span.ToString("c", CultureInfo.InvariantCulture)),
            Guid guid => Text('g', guid.ToString("D", CultureInfo.InvariantCulture)),
            Uri uri => EncodeUri(uri),
            // An sbyte[] and an array of byte enums match the pattern as well.
            byte[] bytes when bytes.GetType() == typeof(byte[]) => [(byte)'x', .. bytes],
            Enum number => Encode(ValueConversion.ToInteger(number), typeof(object), serializer),
            _ => EncodeObject(value, type == typeof(object) ? value.GetType() : type, serializer),
        };

    /// <summary>Reads bytes of any kind but <see cref="ObjectKind"/>.</summary>
    /// <param name="encoded">The kind and the payload.</param>
    /// <param name="value">The value, exactly as it was set.</param>
    /// <returns>False when the kind is unknown or its payload is not of its form.</returns>
    public static bool TryDecode(ReadOnlySpan<byte> encoded, out object? value)
    {
        value = null;
        if (encoded.IsEmpty)
        {
            return false;
        }

        ReadOnlySpan<byte> payload = encoded[1..];
        value = (char)encoded[0] switch
        {
            'n' => null,
            'b' => payload.SequenceEqual("1"u8) ? true
            : payload.SequenceEqual("0"u8) ? false
            : null,
            'i' => Number<int>(payload),
            'l' => Number<long>(payload),
            'y' => Number<byte>(payload),
            'Y' => Number<sbyte>(payload),
            's' => Number<short>(payload),
            'S' => Number<ushort>(payload),
            'I' => Number<uint>(payload),
            'L' => Number<ulong>(payload),
            'p' => Number<nint>(payload),
            'P' => Number<nuint>(payload),
            'h' => Number<Int128>(payload),
            'H' => Number<UInt128>(payload),
            'f' => float.TryParse(payload, NumberStyles.Float, CultureInfo.InvariantCulture, out float number) ? number : null,
            'd' => double.TryParse(payload, NumberStyles.Float, CultureInfo.InvariantCulture, out double number) ? number : null,
            'm' => decimal.TryParse(
                payload,
                NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint,
                CultureInfo.InvariantCulture,
                out decimal number
            )
                ? number
                : null,
            'c' => payload.Length == 4
            && ushort.TryParse(payload, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ushort unit)
                ? (char)unit
                : null,
            't' => Utf8(payload),
            'u' => payload.Length % 2 == 0 ? string.Create(payload.Length / 2, payload, CopyUtf16) : null,
            'D' => DateTimeText.Read(Utf8(payload)),
            // Without its offset it would be another time on each machine.
            'O' => payload.Length > DateTimeBytes
            && DateTimeOffset.TryParseExact(Utf8(payload), "O", CultureInfo.InvariantCulture, DateTimeStyles.None, out DateTimeOffset time)
                ? time
                : null,
            'a' => DateOnly.TryParseExact(Utf8(payload), "O", CultureInfo.InvariantCulture, DateTimeStyles.None, out DateOnly date)
                ? date
                : null,
            'k' => TimeOnly.TryParseExact(Utf8(payload), "O", CultureInfo.InvariantCulture, DateTimeStyles.None, out TimeOnly time)
                ? time
                : null,
            'r' => TimeSpan.TryParseExact(Utf8(payload), "c", CultureInfo.InvariantCulture, out TimeSpan span) ? span : null,
            'g' => Utf8Parser.TryParse(payload, out Guid guid, out int read, 'D') && read == payload.Length ? guid : null,
            'w' => DecodeUri(payload, UriKind.RelativeOrAbsolute),
            'W' when payload.StartsWith("A"u8) => DecodeUri(payload[1..], UriKind.Absolute),
            'W' when payload.StartsWith("R"u8) => DecodeUri(payload[1..], UriKind.Relative),
            'x' => payload.ToArray(),
            _ => null,
        };
        return value is not null || (encoded[0] == 'n' && payload.IsEmpty);
    }

    private static byte[] EncodeObject(object value, Type type, ISessionSerializer serializer)
    {
        ArrayBufferWriter<byte> writer = new();
        writer.Write([ObjectKind]);
        serializer.Serialize(value, type, writer);
        return writer.WrittenSpan.ToArray();
    }

    private static byte[] EncodeString(string text)
    {
        try
        {
            return Text('t', text);
        }
        catch (EncoderFallbackException)
        {
            byte[] encoded = new byte[1 + (2 * text.Length)];
            encoded[0] = (byte)'u';
            for (int i = 0; i < text.Length; i++)
            {
                encoded[1 + (2 * i)] = (byte)text[i];
                encoded[2 + (2 * i)] = (byte)(text[i] >> 8);
            }

            return encoded;
        }
    }

    private static byte[] EncodeNumber(char kind, long number)
    {
        Span<byte> encoded = stackalloc byte[24];
        encoded[0] = (byte)kind;
        _ = Utf8Formatter.TryFormat(number, encoded[1..], out int written);
        return encoded[..(written + 1)].ToArray();
    }

    private static byte[] Text(char kind, string text)
    {
        byte[] encoded = new byte[1 + StrictUtf8.GetByteCount(text)];
        encoded[0] = (byte)kind;
        _ = StrictUtf8.GetBytes(text, encoded.AsSpan(1));
        return encoded;
    }

    private static void CopyUtf16(Span<char> text, ReadOnlySpan<byte> payload)
    {
        for (int i = 0; i < text.Length; i++)
        {
            text[i] = (char)(payload[2 * i] | (payload[(2 * i) + 1] << 8));
        }
    }

    private static string? Utf8(ReadOnlySpan<byte> payload)
    {
        try
        {
            return StrictUtf8.GetString(payload);
        }
        catch (DecoderFallbackException)
        {
            return null;
        }
    }

    private static object? Number<T>(ReadOnlySpan<byte> payload)
        where T : struct, IUtf8SpanParsable<T>, System.Numerics.INumberBase<T> =>
        T.TryParse(payload, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out T number) ? number : null;

    private static byte[] EncodeDecimal(decimal number)
    {
        string text = number.ToString(CultureInfo.InvariantCulture);
        // The platform reads the sign of a zero, and does not write it.
        return Text('m', number == 0 && decimal.IsNegative(number) ? "-" + text : text);
    }

    private static byte[] EncodeUri(Uri uri)
    {
        string text = uri.OriginalString;
        UriKind kind = uri.IsAbsoluteUri ? UriKind.Absolute : UriKind.Relative;
        // Whether a path with a leading slash is a file's depends on the platform.
        bool tells =
            !text.StartsWith('/')
            && Uri.TryCreate(text, UriKind.RelativeOrAbsolute, out Uri? read)
            && read.IsAbsoluteUri == uri.IsAbsoluteUri;
        if (!tells && !Uri.TryCreate(text, kind, out _))
        {
            throw new UnstorableValueException(new("Its text", $"can't be read as the {kind} Uri it is", "Store the string."));
        }

        return Text(tells ? 'w' : 'W', tells ? text : $"{(uri.IsAbsoluteUri ? 'A' : 'R')}{text}");
    }

    private static Uri? DecodeUri(ReadOnlySpan<byte> payload, UriKind kind) =>
        Uri.TryCreate(Utf8(payload), kind, out Uri? uri) ? uri : null;
}
