using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace WorkflowSessions;

/// <summary>JSON without a type: dictionaries, lists and scalars.</summary>
internal static class UntypedJson
{
    private const int LongestDecimal = 31;

    public static object? Read(JsonElement json) =>
        json.ValueKind switch
        {
            JsonValueKind.Object => ReadObject(json),
            JsonValueKind.Array => ReadArray(json),
            JsonValueKind.String => json.GetString(),
            JsonValueKind.Number => ReadNumber(json),
            JsonValueKind.True => true,
            JsonValueKind.False => false,
            _ => null,
        };

    /// <summary>The first of long, ulong and decimal that holds exactly what is written; double, which rounds, where none does.</summary>
    private static object ReadNumber(JsonElement json)
    {
        ReadOnlySpan<byte> written = JsonMarshal.GetRawUtf8Value(json);
        bool isNegativeZero = written[0] == '-' && !written.ContainsAnyInRange((byte)'1', (byte)'9');
        return isNegativeZero ? -0.0
            : json.TryGetInt64(out long integer) ? integer
            : json.TryGetUInt64(out ulong natural) ? natural
            : json.TryGetDecimal(out decimal number) && IsWrittenAs(number, written) ? number
            : json.GetDouble();
    }

    /// <summary>Whether nothing was rounded. A number with an exponent was a double when it was written.</summary>
    private static bool IsWrittenAs(decimal number, ReadOnlySpan<byte> written)
    {
        Span<byte> text = stackalloc byte[LongestDecimal];
        return number.TryFormat(text, out int length, default, CultureInfo.InvariantCulture) && written.SequenceEqual(text[..length]);
    }

    private static Dictionary<string, object?> ReadObject(JsonElement json)
    {
        Dictionary<string, object?> properties = new(StringComparer.Ordinal);
        foreach (JsonProperty property in json.EnumerateObject())
        {
            // Of a name that is there twice the last counts, as for a class.
            properties[property.Name] = Read(property.Value);
        }

        return properties;
    }

    private static List<object?> ReadArray(JsonElement json)
    {
        List<object?> items = new(json.GetArrayLength());
        foreach (JsonElement item in json.EnumerateArray())
        {
            items.Add(Read(item));
        }

        return items;
    }
}
