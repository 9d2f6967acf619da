using System.Globalization;

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

    /// <summary>The declarations that every script begins with.</summary>
    public static string Declarations { get; } =
        string.Create(
            CultureInfo.InvariantCulture,
            $"""
            local WINDOW, LONGEST_VALIDITY, UNCOUNTABLE, LONGEST_NUMBER, MANY_NODES = {Window.TotalMilliseconds}, {LongestValidity.TotalMilliseconds}, {Uncountable}, {LongestNumber}, {ManyNodes}
            local ACTIVE, TOMBSTONE = '{Active}', '{Tombstone}'
            local MARK_OVER, MARK_REMOVED, MARK_CHANGED, MARK_ENDED = 'o', 'r', 'c', 'e'
            local STORED, REMOVED, CHANGED, ENDED, LATE, SUPERSEDED = {(int)Answer.Stored}, {(int)Answer.Removed}, {(int)
                Answer.Changed}, {(int)Answer.Ended}, {(int)Answer.Late}, {(int)Answer.Superseded}

            """
        );
}
