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

    /// <summary>An idle timeout begins anew when less than this part of it is left.</summary>
    public const double RenewedBelow = 0.9;

    /// <summary>The state of a workflow that can be loaded.</summary>
    public const char Active = 'a';

    /// <summary>The state of a workflow that a request completes, or was completing when its claim ran out.</summary>
    public const char Claimed = 'k';

    /// <summary>The state of a workflow that has a receipt, and no entries.</summary>
    public const char HasReceipt = 'c';

    /// <summary>The state of a workflow that has ended, or never was: only the numbers of nodes are kept.</summary>
    public const char Tombstone = 'e';

    /// <summary>Versions and times are smaller: Lua can count them one by one.</summary>
    public const long Largest = 9_000_000_000_000;

    /// <summary>How many digits a number may have: Lua would not write more of them.</summary>
    public const int LongestNumber = 14;

    // A name in the scripts, and the text that stands for it there. A variable would cost more: each function captures it anew in every run.
    private static readonly (string Name, string Text)[] Names =
    [
        ("WINDOW", Text(Window)),
        ("LONGEST_VALIDITY", Text(LongestValidity)),
        ("RENEWED_BELOW", RenewedBelow.ToString(CultureInfo.InvariantCulture)),
        ("LARGEST", Text(Largest)),
        ("LONGEST_NUMBER", Text(LongestNumber)),
        ("ACTIVE", $"'{Active}'"),
        ("CLAIMED", $"'{Claimed}'"),
        ("HAS_RECEIPT", $"'{HasReceipt}'"),
        ("TOMBSTONE", $"'{Tombstone}'"),
        .. Enum.GetValues<Answer>().Select(answer => (NameOf(answer.ToString()), Text((int)answer))),
        // Lua counts from 1.
        .. Enum.GetValues<CommitArgument>().Select(argument => (NameOf(argument.ToString()), Text((int)argument + 1))),
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

    /// <summary>ValidUntil is VALID_UNTIL there.</summary>
    private static string NameOf(string name) =>
        Regex.Replace(name, "(?<=[a-z])(?=[A-Z])", "_", RegexOptions.None, TimeSpan.FromSeconds(1)).ToUpperInvariant();

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);

    private static string Text(TimeSpan time) => Text((long)time.TotalMilliseconds);
}
