using System.Runtime.CompilerServices;

namespace WorkflowSessions;

/// <summary>One workflow in a dictionary that the caller owns.</summary>
internal sealed partial class DictionaryWorkflowEntries : IWorkflowEntries
{
    // An id may triple when it is escaped.
    private const int MaxSlotLength = 16 + (3 * NameRules.MaxWorkflowIdLength) + NameRules.MaxKeyLength;

    private readonly IDictionary<string, object?> _session;
    private readonly string _prefix;
    private readonly string _stampSlot;
    private readonly string _receiptSlot;
    private readonly string _completionKeySlot;
    private readonly string _id;
    private readonly TimeProvider _timeProvider;

    // A plain Dictionary is asked with a key composed on the stack, and its own writes don't fail.
    private readonly Dictionary<string, object?>.AlternateLookup<ReadOnlySpan<char>> _lookup;
    private readonly bool _hasLookup;

    public DictionaryWorkflowEntries(IDictionary<string, object?> session, string workflowId, TimeProvider timeProvider)
    {
        _session = session;
        _prefix = FlatKeyLayout.EntryPrefix(workflowId);
        _stampSlot = FlatKeyLayout.StampKey(workflowId);
        _receiptSlot = FlatKeyLayout.ReceiptKey(workflowId);
        _completionKeySlot = FlatKeyLayout.CompletionKey(workflowId);
        _id = workflowId;
        _timeProvider = timeProvider;

        // A derived class may have replaced the interface's members.
        _hasLookup =
            session.GetType() == typeof(Dictionary<string, object?>)
            && ((Dictionary<string, object?>)session).TryGetAlternateLookup(out _lookup);
    }

    public bool IsLoaded => true;

    public bool HasChanges => false;

    public bool IsNew => AllSlots().Count == 0;

    public int Count => EntrySlots().Count;

    public DateTimeOffset? LastModified => _session.TryGetValue(_stampSlot, out object? stamp) ? UnixStamp.Read(stamp) : null;

    public DateTimeOffset? ExpiresAt => null;

    [SkipLocalsInit]
    public bool TryGet(string key, Type type, out object? value)
    {
        NameRules.ThrowIfInvalidKey(key);
        if (_hasLookup)
        {
            ReadOnlySpan<char> slot = Compose(key, stackalloc char[MaxSlotLength]);
            return _lookup.TryGetValue(slot, out value);
        }

        return _session.TryGetValue(_prefix + key, out value);
    }

    [SkipLocalsInit]
    public bool Has(string key)
    {
        NameRules.ThrowIfInvalidKey(key);
        if (_hasLookup)
        {
            ReadOnlySpan<char> slot = Compose(key, stackalloc char[MaxSlotLength]);
            return _lookup.ContainsKey(slot);
        }

        return _session.ContainsKey(_prefix + key);
    }

    [SkipLocalsInit]
    public void Set(string key, object? value, Type type)
    {
        NameRules.ThrowIfInvalidKey(key);
        ThrowIfNotChangeable();
        if (_hasLookup)
        {
            ReadOnlySpan<char> composed = Compose(key, stackalloc char[MaxSlotLength]);
            _lookup[composed] = value;
            Stamp();
            return;
        }

        string slot = _prefix + key;
        bool existed = _session.TryGetValue(slot, out object? previous);
        _session[slot] = value;
        try
        {
            Stamp();
        }
        catch
        {
            Undo(slot, existed, previous);
            throw;
        }
    }

    [SkipLocalsInit]
    public bool Delete(string key)
    {
        NameRules.ThrowIfInvalidKey(key);
        ThrowIfNotChangeable();
        if (_hasLookup)
        {
            ReadOnlySpan<char> composed = Compose(key, stackalloc char[MaxSlotLength]);
            if (!_lookup.Remove(composed))
            {
                return false;
            }

            Stamp();
            return true;
        }

        string slot = _prefix + key;
        if (!_session.TryGetValue(slot, out object? previous) || !_session.Remove(slot))
        {
            return false;
        }

        try
        {
            Stamp();
        }
        catch
        {
            Undo(slot, existed: true, previous);
            throw;
        }

        return true;
    }

    public void Clear()
    {
        ThrowIfNotChangeable();
        RemoveAll(EntrySlots(), stamp: true);
    }

    public void End()
    {
        ThrowIfCompleting();
        RemoveAll(AllSlots(), stamp: false);
    }

    public IReadOnlyDictionary<string, object?> GetAll()
    {
        List<KeyValuePair<string, object?>> slots = EntrySlots();
        Dictionary<string, object?> all = new(slots.Count, StringComparer.Ordinal);
        foreach ((string slot, object? value) in slots)
        {
            all[slot[_prefix.Length..]] = value;
        }

        return all;
    }

    public ValueTask LoadAsync(CancellationToken cancellationToken = default) => Complete(cancellationToken);

    public ValueTask CommitAsync(CancellationToken cancellationToken = default) => Complete(cancellationToken);

    public async ValueTask UpdateAsync(Func<CancellationToken, ValueTask> change, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(change);
        cancellationToken.ThrowIfCancellationRequested();
        ThrowIfCompleting();
        List<KeyValuePair<string, object?>> before = AllSlots();
        _updates++;
        try
        {
            await change(cancellationToken).ConfigureAwait(false);
        }
        catch
        {
            Restore(before);
            throw;
        }
        finally
        {
            _updates--;
        }
    }

    private static ValueTask Complete(CancellationToken cancellationToken) =>
        cancellationToken.IsCancellationRequested ? ValueTask.FromCanceled(cancellationToken) : ValueTask.CompletedTask;

    private ReadOnlySpan<char> Compose(string key, Span<char> slot)
    {
        _prefix.CopyTo(slot);
        key.CopyTo(slot[_prefix.Length..]);
        return slot[..(_prefix.Length + key.Length)];
    }

    private void Stamp() => _session[_stampSlot] = UnixStamp.ToSeconds(_timeProvider.GetUtcNow());

    private List<KeyValuePair<string, object?>> EntrySlots() =>
        _hasLookup ? EntrySlots(_lookup.Dictionary.GetEnumerator()) : EntrySlots(_session.GetEnumerator());

    // Generic, so that the enumerator of a plain Dictionary is not boxed.
    private List<KeyValuePair<string, object?>> EntrySlots<TEnumerator>(TEnumerator session)
        where TEnumerator : IEnumerator<KeyValuePair<string, object?>>
    {
        List<KeyValuePair<string, object?>> slots = [];
        using (session)
        {
            while (session.MoveNext())
            {
                if (session.Current.Key.StartsWith(_prefix, StringComparison.Ordinal))
                {
                    slots.Add(session.Current);
                }
            }
        }

        return slots;
    }

    private List<KeyValuePair<string, object?>> AllSlots()
    {
        List<KeyValuePair<string, object?>> slots = EntrySlots();
        foreach (string slot in (ReadOnlySpan<string>)[_stampSlot, _receiptSlot, _completionKeySlot])
        {
            if (_session.TryGetValue(slot, out object? value))
            {
                slots.Add(new(slot, value));
            }
        }

        return slots;
    }

    private void RemoveAll(List<KeyValuePair<string, object?>> slots, bool stamp)
    {
        int removed = 0;
        try
        {
            for (; removed < slots.Count; removed++)
            {
                _session.Remove(slots[removed].Key);
            }

            if (stamp)
            {
                Stamp();
            }
        }
        catch
        {
            foreach ((string slot, object? value) in slots.Take(removed))
            {
                Undo(slot, existed: true, value);
            }

            throw;
        }
    }

    private void Restore(List<KeyValuePair<string, object?>> before)
    {
        foreach ((string slot, object? value) in AllSlots())
        {
            Undo(slot, existed: false, value);
        }

        foreach ((string slot, object? value) in before)
        {
            Undo(slot, existed: true, value);
        }
    }

    /// <summary>One attempt; the failure that made it necessary is the one the caller hears of.</summary>
    private void Undo(string slot, bool existed, object? previous)
    {
        try
        {
            if (existed)
            {
                _session[slot] = previous;
            }
            else
            {
                _session.Remove(slot);
            }
        }
        catch (Exception)
        {
            // The dictionary can't be written at all.
        }
    }
}
