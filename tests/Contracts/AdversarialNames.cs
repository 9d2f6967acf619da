namespace WorkflowSessions.Contracts;

/// <summary>Ids and keys that a careless layout or comparison takes for one another.</summary>
public static class AdversarialNames
{
    /// <summary>No two of them may share anything. All are valid as an id and as a key.</summary>
    public static IReadOnlyList<string> All { get; } =
    [
        // Prefixes of one another, and the separators and escapes of the flat layout.
        "a",
        "ab",
        "a_",
        "_a",
        "a_b",
        "a__b",
        "a_b_c",
        "_",
        "__",
        "___",
        "%",
        "%%",
        "%5F",
        "%5f",
        "%25",
        "%255F",
        "a%5Fb",
        "a%b",
        "last_modified",
        "_last_modified",
        "a_last_modified",
        "__a_last_modified",
        "workflow",
        "workflow_a",
        "workflow_a_b",
        // Letter case, also where a culture has its own: the dotted and the dotless i, the sharp s.
        "A",
        "AB",
        "i",
        "I",
        "\u0130",
        "\u0131",
        "ss",
        "\u00DF",
        // One letter composed and decomposed, marks in another order, compatibility forms.
        "\u00E9",
        "e\u0301",
        "a\u0323\u0307",
        "a\u0307\u0323",
        "\uFF41",
        "\uFB01",
        "fi",
        // Characters that a comparison by culture passes over.
        "a\0",
        "\0",
        "a\u200D",
        "a\u200B",
        "a\u00AD",
        "\uFEFFa",
        " ",
        "a ",
        " a",
        "\n",
        "\u2028",
        // Outside of the basic plane.
        "\U0001F600",
        "\U0001F600a",
        "\U0001F468\u200D\U0001F469",
        "\uFFFD",
        "\uFFFF",
        // Separators of other layouts.
        "a:b",
        "{a}",
        "a/b",
        "a.b",
        "*",
        "?",
        "[a]",
        "\\",
        "\"",
        "'",
        "$type",
        "__proto__",
        // The longest there may be as an id.
        new('x', 128),
        new('x', 127),
        new('_', 128),
        new('%', 128),
    ];

    /// <summary>What no store accepts as an id, a null apart.</summary>
    public static IReadOnlyList<string> InvalidIds { get; } = ["", new('x', 129), .. LoneSurrogates];

    /// <summary>What no store accepts as a key, a null apart.</summary>
    public static IReadOnlyList<string> InvalidKeys { get; } = ["", new('x', 257), .. LoneSurrogates];

    private static string[] LoneSurrogates => ["\uD83D", "\uDE00", "a\uD83D", "\uDE00\uD83D", "\uD83D\uD83D\uDE00", "\uD83Da"];
}
