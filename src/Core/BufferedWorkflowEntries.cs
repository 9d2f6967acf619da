using System.Collections.ObjectModel;
using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace WorkflowSessions;

/// <summary>One workflow in memory between its load and its commit.</summary>
internal sealed class BufferedWorkflowEntries(BufferedSessionStore opened, string workflowId) : IWorkflowEntries
{
    private const int MaxDelayMilliseconds = 256;

    // Random, 40 bits: two generations of one workflow collide with probability 10^-12. The decimal form stays short.
    private const long Generations = 1L << 40;

    private readonly BufferedSessionStoreOptions _options = opened.Options;
    private volatile BufferedSessionStore _store = opened;
    private Dictionary<string, Entry> _entries = [];

    // The keys that were set or deleted since the last commit, each with the number of its last change.
    private readonly Dictionary<string, int> _touched = new(StringComparer.Ordinal);
    private bool _cleared;
    private bool _ended;
    private bool _updating;
    private bool _committing;

    // Changes are numbered, because some can be made while a commit is under way. That commit does not have them.
    private int _changes;
    private int _lastRemoval;
    private DateTimeOffset? _stamp;

    private long? _generation;

    // Counted when something is set; a request that only reads has no use for it.
    private long? _bytes;

    public bool IsLoaded { get; private set; }

    public bool HasChanges
    {
        get
        {
            _store.ThrowIfDisposed();
            return _cleared || _ended || _touched.Count > 0;
        }
    }

    public int Count
    {
        get
        {
            ThrowIfNotLoaded();
            return _entries.Count;
        }
    }

    public DateTimeOffset? LastModified
    {
        get
        {
            ThrowIfNotLoaded();
            return _stamp;
        }
    }

    public DateTimeOffset? ExpiresAt
    {
        get
        {
            _store.ThrowIfDisposed();
            return field;
        }
        private set;
    }

    private (TimeSpan? Idle, TimeSpan? Absolute) Timeouts => _options.Timeouts(workflowId);

    public bool TryGet(string key, Type type, out object? value)
    {
        if (!_entries.TryGetValue(key, out Entry? entry))
        {
            // A hit proves that the workflow is loaded and the key is valid. Validate only on a miss.
            NameRules.ThrowIfInvalidKey(key);
            ThrowIfNotLoaded();
            value = null;
            return false;
        }

        value = entry.Decoded;
        if (ReferenceEquals(value, Entry.NotDecoded))
        {
            value = Decode(key, entry, type);
        }

        return true;
    }

    public bool Has(string key)
    {
        if (_entries.ContainsKey(key))
        {
            return true;
        }

        NameRules.ThrowIfInvalidKey(key);
        ThrowIfNotLoaded();
        return false;
    }

    public void Set(string key, object? value, Type type)
    {
        NameRules.ThrowIfInvalidKey(key);
        ThrowIfNotLoaded();
        _store.ThrowIfReadOnly();
        Entry entry = new(Encode(key, value, type));
        _ = _entries.TryGetValue(key, out Entry? previous);
        long bytes = _bytes ??= _entries.Sum(stored => Size(stored.Key, stored.Value));
        long growth = Size(key, entry) - (previous is null ? 0 : Size(key, previous));
        ThrowIfOverLimit(key, previous is null ? 1 : 0, bytes, growth);
        _entries[key] = entry;
        _bytes = bytes + growth;
        _touched[key] = ++_changes;
        Stamp();
    }

    public bool Delete(string key)
    {
        NameRules.ThrowIfInvalidKey(key);
        ThrowIfNotLoaded();
        _store.ThrowIfReadOnly();
        if (!_entries.Remove(key, out Entry? entry))
        {
            return false;
        }

        _bytes -= Size(key, entry);
        _touched[key] = ++_changes;
        Stamp();
        return true;
    }

    public void Clear()
    {
        ThrowIfNotLoaded();
        _store.ThrowIfReadOnly();
        RemoveAll();
        _cleared = true;
        Stamp();
    }

    public void End()
    {
        ThrowIfNotLoaded();
        _store.ThrowIfReadOnly();
        RemoveAll();
        _cleared = false;
        // Where nothing was loaded there is nothing to end, unless a commit that is under way begins it.
        _ended = _generation is not null || _committing;
        _stamp = null;
    }

    public IReadOnlyDictionary<string, object?> GetAll()
    {
        ThrowIfNotLoaded();
        Dictionary<string, object?> all = new(_entries.Count, StringComparer.Ordinal);
        foreach ((string key, Entry entry) in _entries)
        {
            all[key] = ReferenceEquals(entry.Decoded, Entry.NotDecoded) ? Decode(key, entry, typeof(object)) : entry.Decoded;
        }

        return all;
    }

    public async ValueTask LoadAsync(CancellationToken cancellationToken = default)
    {
        ThrowIfUpdating();
        WorkflowRecord? record = await LoadRecordAsync(cancellationToken).ConfigureAwait(false);
        if (_generation is not null && record?.Generation != _generation)
        {
            if (HasChanges && !_ended)
            {
                throw new WorkflowConflictException(workflowId, WorkflowConflictReason.Ended, []);
            }

            // What was to end is over already.
            _ended = false;
        }

        if (!HasChanges)
        {
            Take(record);
            return;
        }

        Merge(record);
    }

    public async ValueTask CommitAsync(CancellationToken cancellationToken = default)
    {
        ThrowIfUpdating();
        _store.ThrowIfDisposed();
        cancellationToken.ThrowIfCancellationRequested();
        if (HasChanges)
        {
            await WriteAsync(requiredVersion: null, cancellationToken).ConfigureAwait(false);
        }
    }

    public ValueTask UpdateAsync(Func<CancellationToken, ValueTask> change, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(change);
        return _store.Capabilities.VersionCheck || _store.AllowsBestEffortUpdates
            ? UpdateAsFarAsNoticedAsync(change, cancellationToken)
            : throw new NotSupportedException(
                "This store can't tell whether others changed a workflow meanwhile. Use LoadAsync and CommitAsync."
            );
    }

    /// <summary>The update also where a store does not notice all that others do.</summary>
    public async ValueTask UpdateAsFarAsNoticedAsync(Func<CancellationToken, ValueTask> change, CancellationToken cancellationToken)
    {
        ThrowIfUpdating();
        _store.ThrowIfReadOnly();
        if (HasChanges)
        {
            throw new InvalidOperationException(
                $"Workflow '{new Printable(workflowId)}' has changes that UpdateAsync would mix with its own. Commit them first."
            );
        }

        long start = _options.TimeProvider.GetTimestamp();
        for (int attempt = 0; ; attempt++)
        {
            WorkflowRecord? record = await LoadRecordAsync(cancellationToken).ConfigureAwait(false);
            Take(record);
            if (await TryUpdateAsync(change, record, cancellationToken).ConfigureAwait(false))
            {
                return;
            }

            if (_options.TimeProvider.GetElapsedTime(start) >= _options.UpdateTimeout)
            {
                WorkflowRecord? now = await LoadRecordAsync(cancellationToken).ConfigureAwait(false);
                Take(now);
                throw new WorkflowConflictException(workflowId, WorkflowConflictReason.Changed, Differences(record, now));
            }

            WorkflowSessionsDiagnostics.Retry(_store.Calls.StoreName);
            _options.Logger.LogUpdateRunsAgain(workflowId, _store.Calls.StoreName);
            // Full jitter: those who collided don't meet again at the same time.
            int delay = Random.Shared.Next(Math.Min(MaxDelayMilliseconds, 1 << Math.Min(attempt, 8)) + 1);
            await Task.Delay(TimeSpan.FromMilliseconds(delay), _options.TimeProvider, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>The session has ended: nothing is loaded that could be changed, and nothing waits.</summary>
    public void Forget()
    {
        if (IsLoaded)
        {
            Take(null);
        }
    }

    /// <summary>Drops everything, so that a read finds nothing and throws. Another thread may be reading.</summary>
    public void Drop()
    {
        _entries = [];
        IsLoaded = false;
    }

    /// <summary>Goes on in another session, with what was set here and not committed. Whatever was loaded stays behind.</summary>
    public void MoveTo(BufferedSessionStore next)
    {
        _store = next;
        _cleared = false;
        _ended = false;
        foreach (string deleted in _touched.Keys.Where(key => !_entries.ContainsKey(key)))
        {
            _touched.Remove(deleted);
        }

        if (_touched.Count == 0)
        {
            _stamp = null;
        }

        if (IsLoaded)
        {
            Merge(record: null);
        }
    }

    public void ThrowIfUpdating()
    {
        if (_updating)
        {
            throw new InvalidOperationException(
                $"Workflow '{new Printable(workflowId)}' is in UpdateAsync, which loads and commits by itself."
            );
        }
    }

    /// <returns>False when others committed in between. In that case, and when it throws, the changes are dropped.</returns>
    private async ValueTask<bool> TryUpdateAsync(
        Func<CancellationToken, ValueTask> change,
        WorkflowRecord? record,
        CancellationToken cancellationToken
    )
    {
        bool stored = false;
        try
        {
            _updating = true;
            await change(cancellationToken).ConfigureAwait(false);
            cancellationToken.ThrowIfCancellationRequested();
            return stored = !HasChanges || await WriteAsync(record?.Version ?? 0, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            _updating = false;
            if (!stored)
            {
                Take(record);
            }
        }
    }

    private async ValueTask<WorkflowRecord?> LoadRecordAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            BufferedSessionStore store = _store;
            WorkflowRecord? record = await store.Calls.LoadAsync(workflowId, cancellationToken).ConfigureAwait(false);
            // The request may have gone on in another session meanwhile, which must not see what this one has.
            if (ReferenceEquals(store, _store))
            {
                return record;
            }
        }
    }

    /// <returns>False when a version was required and another is stored.</returns>
    private async ValueTask<bool> WriteAsync(long? requiredVersion, CancellationToken cancellationToken)
    {
        _store.ThrowIfReadOnly();
        await BeginSessionAsync(cancellationToken).ConfigureAwait(false);
        WorkflowCommit commit = ToCommit(requiredVersion);
        int committed = _changes;
        CommitResult result;
        _committing = true;
        try
        {
            result = await _store.Calls.CommitAsync(commit, cancellationToken).ConfigureAwait(false);
            _generation = result.Outcome == CommitOutcome.Stored ? result.Generation : _generation;
        }
        finally
        {
            _committing = false;
            _ended &= _generation is not null;
        }

        if (result.Outcome == CommitOutcome.Ended)
        {
            throw new WorkflowConflictException(workflowId, WorkflowConflictReason.Ended, []);
        }

        if (result.Outcome == CommitOutcome.Changed)
        {
            return false;
        }

        ForgetChanges(committed);
        ExpiresAt = result.ExpiresAt;
        return true;
    }

    private async ValueTask BeginSessionAsync(CancellationToken cancellationToken)
    {
        if (_store.Beginning is not { } beginning || string.Equals(workflowId, SessionRecord.WorkflowId, StringComparison.Ordinal))
        {
            return;
        }

        try
        {
            await beginning(cancellationToken).ConfigureAwait(false);
        }
        catch (SessionStoreException error)
        {
            throw new SessionStoreException(
                $"Workflow '{workflowId}' was not committed, because its session could not begin.",
                workflowId,
                mayBeStored: false,
                error
            );
        }
        catch (WorkflowConflictException refusal)
        {
            throw new WorkflowConflictException(
                $"Workflow '{workflowId}' was not committed. {refusal.Message}",
                workflowId,
                refusal.Reason,
                [],
                refusal
            );
        }

        _store.Beginning = null;
    }

    private WorkflowCommit ToCommit(long? requiredVersion)
    {
        Dictionary<string, ReadOnlyMemory<byte>> sets = new(_touched.Count, StringComparer.Ordinal);
        List<string> deletes = [];
        foreach (string key in _touched.Keys)
        {
            if (_entries.TryGetValue(key, out Entry? entry))
            {
                sets[key] = entry.Encoded;
            }
            else if (!_cleared)
            {
                deletes.Add(key);
            }
        }

        return new WorkflowCommit(workflowId, sets, deletes)
        {
            Clears = _cleared,
            Ends = _ended,
            Stamp = _stamp,
            IdleTimeout = Timeouts.Idle,
            AbsoluteTimeout = Timeouts.Absolute,
            ExpiresAt = ExpiresAt,
            Generation = _generation,
            RequiredVersion = requiredVersion,
            NewGeneration = Random.Shared.NextInt64(1, Generations),
        };
    }

    private void Take(WorkflowRecord? record)
    {
        if (_store.IsDisposed)
        {
            return;
        }

        _entries.Clear();
        ForgetChanges(_changes);
        _stamp = record?.LastModified;
        Merge(record);
    }

    /// <summary>Takes what is stored, and leaves what was changed here as it is.</summary>
    private void Merge(WorkflowRecord? record)
    {
        if (_entries.Count > 0)
        {
            foreach (string key in _entries.Keys.Where(key => !_touched.ContainsKey(key)).ToList())
            {
                _entries.Remove(key);
            }
        }

        if (record is not null && !_cleared && !_ended)
        {
            _entries.EnsureCapacity(_entries.Count + record.Entries.Count);
            foreach ((string key, ReadOnlyMemory<byte> encoded) in record.Entries)
            {
                if (!_touched.ContainsKey(key))
                {
                    _entries[key] = new Entry(encoded);
                }
            }
        }

        _bytes = null;
        _generation = record?.Generation;
        ExpiresAt = record?.ExpiresAt;
        IsLoaded = true;
    }

    private void RemoveAll()
    {
        _lastRemoval = ++_changes;
        _entries.Clear();
        _touched.Clear();
        _bytes = 0;
    }

    /// <summary>Forgets the changes up to a number.</summary>
    private void ForgetChanges(int last)
    {
        foreach ((string key, int change) in _touched)
        {
            if (change <= last)
            {
                _touched.Remove(key);
            }
        }

        if (_lastRemoval <= last)
        {
            _cleared = false;
            _ended = false;
        }
    }

    private void Stamp() => _stamp = _options.TimeProvider.GetUtcNow();

    private byte[] Encode(string key, object? value, Type type)
    {
        try
        {
            return ValueCodec.Encode(value, type, _options.Serializer);
        }
        catch (Exception error)
        {
            throw WorkflowValueException.NotStorable(workflowId, key, value!.GetType(), error);
        }
    }

    private object? Decode(string key, Entry entry, Type type)
    {
        ReadOnlyMemory<byte> encoded = entry.Encoded;
        if (!encoded.IsEmpty && encoded.Span[0] == ValueCodec.ObjectKind)
        {
            try
            {
                return _options.Serializer.Deserialize(encoded[1..], type);
            }
            catch (Exception error)
            {
                throw WorkflowValueException.NotReadable(workflowId, key, type, error);
            }
        }

        if (!ValueCodec.TryDecode(encoded.Span, out object? value))
        {
            throw WorkflowValueException.NotReadable(workflowId, key, type, innerException: null);
        }

        // A scalar can't be changed by who gets it, so all may have the same; of bytes everybody gets a copy.
        if (value is not byte[])
        {
            entry.Decoded = value;
        }

        return value;
    }

    private void ThrowIfOverLimit(string key, int newEntries, long bytes, long growth)
    {
        if (newEntries > 0 && _entries.Count >= _options.MaxEntries)
        {
            throw new WorkflowLimitException(
                $"Key '{key}' would be one more than the {_options.MaxEntries} entries that workflow '{workflowId}' may have. "
                    + $"Delete entries, keep a collection under one key, or raise {nameof(BufferedSessionStoreOptions.MaxEntries)}.",
                workflowId
            );
        }

        if (growth > 0 && bytes + growth > _options.MaxWorkflowBytes)
        {
            throw new WorkflowLimitException(
                $"With key '{key}' workflow '{workflowId}' would have {bytes + growth} of the {_options.MaxWorkflowBytes} bytes that it may have. "
                    + $"Keep large data elsewhere and its address here, or raise {nameof(BufferedSessionStoreOptions.MaxWorkflowBytes)}.",
                workflowId
            );
        }
    }

    private void ThrowIfNotLoaded()
    {
        if (!IsLoaded)
        {
            _store.ThrowIfDisposed();
            ThrowNotLoaded();
        }
    }

    [DoesNotReturn]
    private void ThrowNotLoaded() =>
        throw new InvalidOperationException(
            $"Workflow '{new Printable(workflowId)}' is not loaded. Call LoadAsync first; reading never waits for a store."
        );

    private static long Size(string key, Entry entry) => Encoding.UTF8.GetByteCount(key) + entry.Encoded.Length;

    private static List<string> Differences(WorkflowRecord? before, WorkflowRecord? after)
    {
        IReadOnlyDictionary<string, ReadOnlyMemory<byte>> old = before?.Entries ?? ReadOnlyDictionary<string, ReadOnlyMemory<byte>>.Empty;
        IReadOnlyDictionary<string, ReadOnlyMemory<byte>> now = after?.Entries ?? ReadOnlyDictionary<string, ReadOnlyMemory<byte>>.Empty;
        return
        [
            .. old
                .Keys.Union(now.Keys, StringComparer.Ordinal)
                .Where(key =>
                    !old.TryGetValue(key, out ReadOnlyMemory<byte> first)
                    || !now.TryGetValue(key, out ReadOnlyMemory<byte> second)
                    || !first.Span.SequenceEqual(second.Span)
                )
                .Order(StringComparer.Ordinal),
        ];
    }

    private sealed class Entry(ReadOnlyMemory<byte> encoded)
    {
        public static readonly object NotDecoded = new();

        public ReadOnlyMemory<byte> Encoded { get; } = encoded;

        /// <summary>The value, once it was read; <see cref="NotDecoded"/> until then, and for ever where each reader gets a copy.</summary>
        public object? Decoded { get; set; } = NotDecoded;
    }
}
