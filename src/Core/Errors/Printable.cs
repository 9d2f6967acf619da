using System.Globalization;
using System.Text;

namespace WorkflowSessions;

/// <summary>
/// A name, or a text with names in it, as log messages and exceptions show it. A name may have any characters; here those that begin a line, control a terminal or
/// change the direction of text are written as <c>\u000A</c>, so that no name forges another message.
/// </summary>
internal readonly struct Printable(string text)
{
    public static implicit operator Printable(string text) => new(text);

    public override string ToString()
    {
        foreach (Rune rune in text.EnumerateRunes())
        {
            if (IsHidden(rune))
            {
                return Escape(text);
            }
        }

        return text;
    }

    private static string Escape(string text)
    {
        StringBuilder escaped = new();
        foreach (Rune rune in text.EnumerateRunes())
        {
            _ =
                !IsHidden(rune) ? escaped.Append(rune)
                : rune.IsBmp ? escaped.Append(CultureInfo.InvariantCulture, $"\\u{rune.Value:X4}")
                : escaped.Append(CultureInfo.InvariantCulture, $"\\U{rune.Value:X8}");
        }

        return escaped.ToString();
    }

    private static bool IsHidden(Rune rune) =>
        Rune.GetUnicodeCategory(rune)
            is UnicodeCategory.Control
                or UnicodeCategory.Format
                or UnicodeCategory.LineSeparator
                or UnicodeCategory.ParagraphSeparator;
}
