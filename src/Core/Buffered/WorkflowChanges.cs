using System.Runtime.InteropServices;

namespace WorkflowSessions;

/// <summary>What one request changed in a workflow since its snapshot.</summary>
/// <remarks>
/// Changes are numbered, because some can be made while a commit is under way: that commit does not have them. What was committed stays here until the next
/// load, as part of what the request sees.
/// </remarks>
internal sealed class WorkflowChanges
{
    // Another thread may drop it when the request is over: read it once in each member.
    private Dictionary<string, Change>? _keys;
    private int _committed;
    private int _lastRemoval;
    private int _completion;

    // Keys whose change is not committed.
    private int _pending;

    /// <summary>Whether every entry goes with the next commit.</summary>
    public bool Clears { get; set; }

    /// <summary>Whether the workflow ends with the next commit.</summary>
    public bool Ends { get; set; }

    /// <summary>Whether the request sees nothing of its snapshot any more.</summary>
    public bool HidesSnapshot { get; private set; }

    /// <summary>Whether the request sees anything else than its snapshot.</summary>
    public bool HidesAny => HidesSnapshot || _keys is not null;

    /// <summary>The number of the last change.</summary>
    public int Last { get; private set; }

    /// <summary>Whether there is something to commit.</summary>
    public bool Any => Clears || Ends || _pending > 0 || PendingReceipt is not null;

    /// <summary>The receipt that the request completes the workflow with; null when it does not. It may be committed.</summary>
    public WorkflowEntry? Receipt { get; private set; }

    /// <summary>The same, until it is committed.</summary>
    public WorkflowEntry? PendingReceipt => _completion > _committed ? Receipt : null;

    /// <summary>Whether a key was set or deleted since the snapshot. It may be committed.</summary>
    /// <param name="key">The key.</param>
    /// <param name="entry">What it was set to; null when it was deleted.</param>
    public bool TryGet(string key, out WorkflowEntry? entry)
    {
        if (_keys is { } keys && keys.TryGetValue(key, out Change change))
        {
            entry = change.Entry;
            return true;
        }

        entry = null;
        return false;
    }

    /// <summary>Sets a key, or deletes it.</summary>
    public void Put(string key, WorkflowEntry? entry)
    {
        Dictionary<string, Change> keys = _keys ??= new Dictionary<string, Change>(StringComparer.Ordinal);
        ref Change change = ref CollectionsMarshal.GetValueRefOrAddDefault(keys, key, out _);
        // Numbers begin with 1.
        _pending += change.Number <= _committed ? 1 : 0;
        change = new Change(entry, ++Last);
    }

    /// <summary>Removes all entries.</summary>
    public void RemoveAll()
    {
        _lastRemoval = ++Last;
        _keys = null;
        _pending = 0;
        Receipt = null;
        HidesSnapshot = true;
    }

    /// <summary>Removes all entries, and leaves a receipt.</summary>
    public void Complete(WorkflowEntry receipt)
    {
        RemoveAll();
        Clears = false;
        _completion = Last;
        Receipt = receipt;
    }

    /// <summary>What the request sees.</summary>
    public IEnumerable<KeyValuePair<string, WorkflowEntry>> Over(Dictionary<string, WorkflowEntry> snapshot)
    {
        Dictionary<string, WorkflowEntry> seen = HidesSnapshot ? [] : snapshot;
        if (_keys is not { } keys)
        {
            return seen;
        }

        IEnumerable<KeyValuePair<string, WorkflowEntry>> kept = seen.Select(stored =>
            keys.TryGetValue(stored.Key, out Change change) ? new(stored.Key, change.Entry!) : stored
        );
        IEnumerable<KeyValuePair<string, WorkflowEntry>> added = keys.Where(change => !seen.ContainsKey(change.Key))
            .Select(change => new KeyValuePair<string, WorkflowEntry>(change.Key, change.Value.Entry!));
        return kept.Concat(added).Where(entry => entry.Value is not null);
    }

    /// <summary>How many entries the request sees.</summary>
    public int CountOver(Dictionary<string, WorkflowEntry> snapshot) => Over(snapshot).Count();

    /// <summary>The changes up to a number are committed.</summary>
    public void SetCommitted(int last)
    {
        _committed = last;
        _pending = _keys?.Values.Count(change => change.Number > last) ?? 0;
        if (_lastRemoval <= last)
        {
            Clears = false;
            Ends = false;
        }
    }

    /// <summary>Forgets what was committed: the next snapshot has it.</summary>
    public void ForgetCommitted()
    {
        Keep(change => change.Number > _committed);
        Receipt = PendingReceipt;
        HidesSnapshot = Clears || Ends || Receipt is not null;
    }

    /// <summary>Forgets everything.</summary>
    public void ForgetAll()
    {
        _keys = null;
        SetCommitted(Last);
        Receipt = null;
        HidesSnapshot = false;
    }

    /// <summary>Forgets everything but what was set and is not committed.</summary>
    /// <returns>Whether there is something left.</returns>
    public bool KeepSets()
    {
        Clears = false;
        Ends = false;
        Receipt = null;
        HidesSnapshot = false;
        Keep(change => change.Number > _committed && change.Entry is not null);
        _pending = _keys?.Count ?? 0;
        return _pending > 0;
    }

    /// <summary>The keys that a commit sets, with their values, and those that it deletes.</summary>
    public (Dictionary<string, WorkflowEntry> Sets, List<string> Deletes) Pending()
    {
        Dictionary<string, WorkflowEntry> sets = new(_pending, StringComparer.Ordinal);
        List<string> deletes = [];
        foreach ((string key, Change change) in _keys ?? [])
        {
            if (change.Number <= _committed)
            {
                continue;
            }

            if (change.Entry is { } entry)
            {
                sets[key] = entry;
            }
            else if (!Clears)
            {
                deletes.Add(key);
            }
        }

        return (sets, deletes);
    }

    private void Keep(Func<Change, bool> isKept)
    {
        if (_keys is not { } keys)
        {
            return;
        }

        foreach ((string key, Change change) in keys)
        {
            if (!isKept(change))
            {
                keys.Remove(key);
            }
        }

        _keys = keys.Count > 0 ? keys : null;
    }

    [StructLayout(LayoutKind.Auto)]
    private readonly record struct Change(WorkflowEntry? Entry, int Number);
}
