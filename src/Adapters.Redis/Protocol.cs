using System.Globalization;
using System.Text.RegularExpressions;

namespace WorkflowSessions.Redis;

/// <summary>The constants of the commit protocol, for the code and for the scripts. The protocol is explained in docs/consistency.md.</summary>
internal static class Protocol
{
    /// <summary>How long a number is remembered after its commit, and how long a tombstone stays.</summary>
    public static readonly TimeSpan Window = TimeSpan.FromMinutes(2);

    /// <summary>How long a message may be valid. The rest of the window is for clocks of a master and its replica that differ.</summary>
    public static readonly TimeSpan LongestValidity = TimeSpan.FromMinutes(1);

    /// <summary>The state of a workflow that can be loaded.</summary>
    public const char Active = 'a';

    /// <summary>The state of a workflow that has ended, or never was: only the numbers of nodes are kept.</summary>
    public const char Tombstone = 'e';

    /// <summary>From here on Lua would not count every version.</summary>
    public const long Uncountable = 9_000_000_000_000;

    /// <summary>How many digits a number may have: Lua would not write more of them.</summary>
    public const int LongestNumber = 14;

    // From this length of the list on, a time is noted in it, so that old numbers can be forgotten.
    private const int ManyNodes = 64;

    // A name in the scripts, and the text that stands for it there. A variable would cost more: each function captures it anew in every run.
    private static readonly (string Name, string Text)[] Names =
    [
        ("WINDOW", Text(Window)),
        ("LONGEST_VALIDITY", Text(LongestValidity)),
        ("UNCOUNTABLE", Text(Uncountable)),
        ("LONGEST_NUMBER", Text(LongestNumber)),
        ("MANY_NODES", Text(ManyNodes)),
        ("ACTIVE", $"'{Active}'"),
        ("TOMBSTONE", $"'{Tombstone}'"),
        ("MARK_OVER", "'o'"),
        ("MARK_REMOVED", "'r'"),
        ("MARK_CHANGED", "'c'"),
        ("MARK_ENDED", "'e'"),
        .. Enum.GetValues<Answer>().Select(answer => (answer.ToString().ToUpperInvariant(), Text((int)answer))),
    ];

    /// <summary>Puts the constants into a script, which has their names in upper case.</summary>
    public static string Complete(string script)
    {
        foreach ((string name, string text) in Names)
        {
            script = Regex.Replace(script, $@"\b{name}\b", text, RegexOptions.None, TimeSpan.FromSeconds(1));
        }

        return script;
    }

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);

    private static string Text(TimeSpan time) => Text((long)time.TotalMilliseconds);
}
