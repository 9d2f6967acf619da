namespace WorkflowSessions;

/// <summary>The keys whose values differ, for a conflict.</summary>
internal static class EntryDifferences
{
    /// <param name="before">The entries as a request saw them.</param>
    /// <param name="after">The workflow as it is stored now; null when it is absent.</param>
    /// <returns>The keys in ordinal order.</returns>
    public static List<string> Between(Dictionary<string, WorkflowEntry> before, WorkflowRecord? after)
    {
        Dictionary<string, WorkflowEntry> now = after?.Table ?? [];
        return
        [
            .. before
                .Keys.Union(now.Keys, StringComparer.Ordinal)
                .Where(key =>
                    !before.TryGetValue(key, out WorkflowEntry? first)
                    || !now.TryGetValue(key, out WorkflowEntry? second)
                    || !first.Encoded.Span.SequenceEqual(second.Encoded.Span)
                )
                .Order(StringComparer.Ordinal),
        ];
    }
}
