using System.Diagnostics.CodeAnalysis;

namespace WorkflowSessions;

/// <summary>
/// How the entries and the stamp of a workflow are named in a flat session, one dictionary of text keys that all workflows share.
/// </summary>
/// <remarks>
/// <code>
/// entry   workflow_{id}_{key}
/// stamp   __{id}_last_modified
/// receipt __{id}_receipt           of a completed workflow
/// key     __{id}_completion_key    from the first CompleteAsync until the workflow is completed or ends
/// id      as written, but % is %25 and _ is %5F
/// </code>
/// Because an escaped id holds no underscore, the first one behind <c>workflow_</c> ends it: no two pairs of id and key share a slot, and no
/// stamp slot is the slot of an entry. Keys stay as written. All comparisons are ordinal. Thread-safe.
/// </remarks>
public static class FlatKeyLayout
{
    private const string EntryStart = "workflow_";
    private const string StampStart = "__";
    private const string StampEnd = "_last_modified";
    private const string ReceiptEnd = "_receipt";
    private const string CompletionKeyEnd = "_completion_key";

    /// <summary>The slot of one entry: <c>workflow_{id}_{key}</c>.</summary>
    /// <param name="workflowId">1 to 128 UTF-16 units, well formed.</param>
    /// <param name="key">1 to 256 UTF-16 units, well formed.</param>
    /// <exception cref="ArgumentException">The id or the key is null, empty, too long or has a lone surrogate.</exception>
    public static string EntryKey(string workflowId, string key)
    {
        NameRules.ThrowIfInvalidKey(key);
        return EntryPrefix(workflowId) + key;
    }

    /// <summary>What the slots of all entries of one workflow, and no others, start with: <c>workflow_{id}_</c>.</summary>
    /// <param name="workflowId">1 to 128 UTF-16 units, well formed.</param>
    /// <exception cref="ArgumentException">The id is null, empty, too long or has a lone surrogate.</exception>
    public static string EntryPrefix(string workflowId)
    {
        NameRules.ThrowIfInvalidWorkflowId(workflowId);
        return $"{EntryStart}{Escape(workflowId)}_";
    }

    /// <summary>The slot of the time of the last change: <c>__{id}_last_modified</c>.</summary>
    /// <param name="workflowId">1 to 128 UTF-16 units, well formed.</param>
    /// <exception cref="ArgumentException">The id is null, empty, too long or has a lone surrogate.</exception>
    public static string StampKey(string workflowId)
    {
        NameRules.ThrowIfInvalidWorkflowId(workflowId);
        return $"{StampStart}{Escape(workflowId)}{StampEnd}";
    }

    internal static string ReceiptKey(string workflowId) => $"{StampStart}{Escape(workflowId)}{ReceiptEnd}";

    internal static string CompletionKey(string workflowId) => $"{StampStart}{Escape(workflowId)}{CompletionKeyEnd}";

    /// <summary>Takes the slot of an entry apart.</summary>
    /// <param name="slot">Any text.</param>
    /// <param name="workflowId">The id, unescaped; null when this is not the slot of an entry.</param>
    /// <param name="key">The key as it stands there, which somebody else may have made empty or over-long; null when this is not one.</param>
    /// <returns>Whether the slot is that of an entry of a workflow with a valid id.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="slot"/> is null.</exception>
    public static bool TryParseEntryKey(string slot, [NotNullWhen(true)] out string? workflowId, [NotNullWhen(true)] out string? key)
    {
        ArgumentNullException.ThrowIfNull(slot);
        workflowId = null;
        key = null;
        if (!slot.StartsWith(EntryStart, StringComparison.Ordinal))
        {
            return false;
        }

        int end = slot.IndexOf('_', EntryStart.Length);
        if (end < 0 || !TryUnescape(slot[EntryStart.Length..end], out workflowId))
        {
            return false;
        }

        key = slot[(end + 1)..];
        return true;
    }

    /// <summary>Takes a stamp's slot apart.</summary>
    /// <param name="slot">Any text.</param>
    /// <param name="workflowId">The id, unescaped; null when this is not the slot of a stamp.</param>
    /// <returns>Whether the slot is that of the stamp of a workflow with a valid id.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="slot"/> is null.</exception>
    public static bool TryParseStampKey(string slot, [NotNullWhen(true)] out string? workflowId)
    {
        ArgumentNullException.ThrowIfNull(slot);
        workflowId = null;
        return slot.Length > StampStart.Length + StampEnd.Length
            && slot.StartsWith(StampStart, StringComparison.Ordinal)
            && slot.EndsWith(StampEnd, StringComparison.Ordinal)
            && TryUnescape(slot[StampStart.Length..^StampEnd.Length], out workflowId);
    }

    private static string Escape(string workflowId) =>
        workflowId.AsSpan().ContainsAny('%', '_')
            ? workflowId.Replace("%", "%25", StringComparison.Ordinal).Replace("_", "%5F", StringComparison.Ordinal)
            : workflowId;

    private static bool TryUnescape(string escaped, [NotNullWhen(true)] out string? workflowId)
    {
        workflowId = escaped.Replace("%5F", "_", StringComparison.Ordinal).Replace("%25", "%", StringComparison.Ordinal);
        // Only what Escape gives is an id: "%5f" or a bare "_" was written by somebody else.
        if (NameRules.IsValidWorkflowId(workflowId) && string.Equals(Escape(workflowId), escaped, StringComparison.Ordinal))
        {
            return true;
        }

        workflowId = null;
        return false;
    }
}
