using System.Globalization;

namespace WorkflowSessions;

/// <summary>A DateTime as text, in the forms that <see cref="ValueCodec"/> lists.</summary>
internal static class DateTimeText
{
    private const string Format = "yyyy-MM-dd'T'HH:mm:ss.fffffff";

    public static string Write(DateTime time)
    {
        string suffix = time.Kind == DateTimeKind.Utc ? "Z" : "";
        if (time.Kind == DateTimeKind.Local)
        {
            DateTime instant = time.ToUniversalTime();
            bool exists = instant.ToLocalTime() == time;
            suffix = exists ? "ZL" : "L";
            time = exists ? instant : time;
        }

        return time.ToString(Format, CultureInfo.InvariantCulture) + suffix;
    }

    public static DateTime? Read(ReadOnlySpan<char> text)
    {
        bool isLocal = text.EndsWith('L');
        text = isLocal ? text[..^1] : text;
        bool isInstant = text.EndsWith('Z');
        text = isInstant ? text[..^1] : text;
        if (!DateTime.TryParseExact(text, Format, CultureInfo.InvariantCulture, DateTimeStyles.None, out DateTime time))
        {
            return null;
        }

        return isInstant && isLocal ? DateTime.SpecifyKind(time, DateTimeKind.Utc).ToLocalTime()
            : isInstant ? DateTime.SpecifyKind(time, DateTimeKind.Utc)
            : isLocal ? DateTime.SpecifyKind(time, DateTimeKind.Local)
            : time;
    }
}
