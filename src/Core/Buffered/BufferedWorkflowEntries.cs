using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace WorkflowSessions;

/// <summary>One workflow between its load and its commit: a snapshot, which is never changed, and the changes over it.</summary>
internal sealed class BufferedWorkflowEntries(BufferedSessionStore opened, string workflowId) : IWorkflowEntries
{
    // Random, 40 bits: two generations of one workflow collide with probability 10^-12. The decimal form stays short.
    private const long Generations = 1L << 40;

    private static readonly Dictionary<string, WorkflowEntry> Nothing = [];

    private readonly BufferedSessionStoreOptions _options = opened.Options;
    private volatile BufferedSessionStore _store = opened;
    private readonly WorkflowChanges _changes = new();
    private Dictionary<string, WorkflowEntry> _snapshot = Nothing;
    private int _count;
    private bool _committing;
    private DateTimeOffset? _stamp;

    private long? _generation;

    // Counted when something is set; a request that only reads has no use for it.
    private long? _bytes;

    public string Id => workflowId;

    public string StoreName => _store.Calls.StoreName;

    /// <summary>Whether UpdateAsync is running.</summary>
    public bool IsUpdating { get; set; }

    public bool IsLoaded { get; private set; }

    public bool HasChanges
    {
        get
        {
            _store.ThrowIfDisposed();
            return _changes.Any;
        }
    }

    public int Count
    {
        get
        {
            ThrowIfNotLoaded();
            return _count;
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

    private EntryCodec Values => new(workflowId, _options.Serializer, _options.VerifyValues is true);

    private (TimeSpan? Idle, TimeSpan? Absolute) Timeouts => _options.Timeouts(workflowId);

    public bool TryGet(string key, Type type, out object? value)
    {
        if (Find(key) is not { } entry)
        {
            // A hit proves that the workflow is loaded and the key is valid. Validate only on a miss.
            NameRules.ThrowIfInvalidKey(key);
            ThrowIfNotLoaded();
            value = null;
            return false;
        }

        value = entry.Decoded;
        if (ReferenceEquals(value, WorkflowEntry.NotDecoded))
        {
            value = Values.Decode(key, entry, type);
        }

        return true;
    }

    public bool Has(string key)
    {
        if (Find(key) is not null)
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
        WorkflowEntry entry = new(Values.Encode(key, value, type));
        WorkflowEntry? previous = Find(key);
        long bytes = _bytes ??= _changes.Over(_snapshot).Sum(stored => Size(stored.Key, stored.Value));
        long growth = Size(key, entry) - (previous is null ? 0 : Size(key, previous));
        ThrowIfOverLimit(key, previous is null ? 1 : 0, bytes, growth);
        _changes.Put(key, entry);
        _count += previous is null ? 1 : 0;
        _bytes = bytes + growth;
        Stamp();
    }

    public bool Delete(string key)
    {
        NameRules.ThrowIfInvalidKey(key);
        ThrowIfNotLoaded();
        _store.ThrowIfReadOnly();
        if (Find(key) is not { } entry)
        {
            return false;
        }

        _changes.Put(key, entry: null);
        _count--;
        _bytes -= Size(key, entry);
        Stamp();
        return true;
    }

    public bool Discard(string key, Type type)
    {
        bool deleted = Delete(key);
        if (deleted)
        {
            _options.Logger.LogValueDiscarded(workflowId, StoreName, type.ToString());
        }

        return deleted;
    }

    public void Clear()
    {
        ThrowIfNotLoaded();
        _store.ThrowIfReadOnly();
        RemoveAll();
        _changes.Clears = true;
        Stamp();
    }

    public void End()
    {
        ThrowIfNotLoaded();
        _store.ThrowIfReadOnly();
        RemoveAll();
        _changes.Clears = false;
        // Where nothing was loaded there is nothing to end, unless a commit that is under way begins it.
        _changes.Ends = _generation is not null || _committing;
        _stamp = null;
    }

    public IReadOnlyDictionary<string, object?> GetAll()
    {
        ThrowIfNotLoaded();
        Dictionary<string, object?> all = new(_count, StringComparer.Ordinal);
        foreach ((string key, WorkflowEntry entry) in _changes.Over(_snapshot))
        {
            all[key] = ReferenceEquals(entry.Decoded, WorkflowEntry.NotDecoded) ? Values.Decode(key, entry, typeof(object)) : entry.Decoded;
        }

        return all;
    }

    public async ValueTask LoadAsync(CancellationToken cancellationToken = default)
    {
        ThrowIfUpdating();
        WorkflowRecord? record = await LoadRecordAsync(cancellationToken).ConfigureAwait(false);
        if (_generation is not null && record?.Generation != _generation)
        {
            if (HasChanges && !_changes.Ends)
            {
                throw new WorkflowConflictException(workflowId, WorkflowConflictReason.Ended, []);
            }

            // What was to end is over already.
            _changes.Ends = false;
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
            ? new UpdateLoop(this, _options).RunAsync(change, cancellationToken)
            : throw new NotSupportedException(
                "This store can't tell whether others changed a workflow meanwhile. Use LoadAsync and CommitAsync."
            );
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
        IsLoaded = false;
        _snapshot = Nothing;
        _changes.ForgetAll();
    }

    /// <summary>Goes on in another session, with what was set here and not committed. Whatever was loaded stays behind.</summary>
    public void MoveTo(BufferedSessionStore next)
    {
        _store = next;
        if (!_changes.KeepSets())
        {
            _stamp = null;
        }

        if (IsLoaded)
        {
            Merge(record: null);
        }
    }

    public void ThrowIfChanged()
    {
        _store.ThrowIfReadOnly();
        if (HasChanges)
        {
            throw new InvalidOperationException(
                $"Workflow '{new Printable(workflowId)}' has changes that UpdateAsync would mix with its own. Commit them first."
            );
        }
    }

    public void ThrowIfUpdating()
    {
        if (IsUpdating)
        {
            throw new InvalidOperationException(
                $"Workflow '{new Printable(workflowId)}' is in UpdateAsync, which loads and commits by itself."
            );
        }
    }

    public async ValueTask<WorkflowRecord?> LoadRecordAsync(CancellationToken cancellationToken)
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
    public async ValueTask<bool> WriteAsync(long? requiredVersion, CancellationToken cancellationToken)
    {
        _store.ThrowIfReadOnly();
        await BeginSessionAsync(cancellationToken).ConfigureAwait(false);
        WorkflowCommit commit = ToCommit(requiredVersion);
        int committed = _changes.Last;
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
            _changes.Ends &= _generation is not null;
        }

        if (result.Outcome == CommitOutcome.Ended)
        {
            throw new WorkflowConflictException(workflowId, WorkflowConflictReason.Ended, []);
        }

        if (result.Outcome == CommitOutcome.Changed)
        {
            return false;
        }

        _changes.SetCommitted(committed);
        ExpiresAt = result.ExpiresAt;
        return true;
    }

    private async ValueTask BeginSessionAsync(CancellationToken cancellationToken)
    {
        if (_store.BeginSession is not { } beginning || string.Equals(workflowId, SessionSecret.WorkflowId, StringComparison.Ordinal))
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

        _store.BeginSession = null;
    }

    private WorkflowCommit ToCommit(long? requiredVersion)
    {
        (Dictionary<string, WorkflowEntry> sets, List<string> deletes) = _changes.Pending();
        return new WorkflowCommit(workflowId, sets, deletes)
        {
            Clears = _changes.Clears,
            Ends = _changes.Ends,
            Stamp = _stamp,
            IdleTimeout = Timeouts.Idle,
            AbsoluteTimeout = Timeouts.Absolute,
            ExpiresAt = ExpiresAt,
            Generation = _generation,
            RequiredVersion = requiredVersion,
            NewGeneration = Random.Shared.NextInt64(1, Generations),
        };
    }

    public void Take(WorkflowRecord? record)
    {
        if (_store.IsDisposed)
        {
            return;
        }

        _changes.ForgetAll();
        _stamp = record?.LastModified;
        Merge(record);
    }

    /// <summary>Takes what is stored, and leaves what was changed here as it is.</summary>
    private void Merge(WorkflowRecord? record)
    {
        _changes.ForgetCommitted();
        _snapshot = record?.Table ?? Nothing;
        _count = _changes.CountOver(_snapshot);
        _bytes = null;
        _generation = record?.Generation;
        ExpiresAt = record?.ExpiresAt;
        IsLoaded = true;
    }

    private void RemoveAll()
    {
        _changes.RemoveAll();
        _count = 0;
        _bytes = 0;
    }

    private WorkflowEntry? Find(string key) =>
        _changes.TryGet(key, out WorkflowEntry? changed) ? changed
        : !_changes.HidesSnapshot && _snapshot.TryGetValue(key, out WorkflowEntry? stored) ? stored
        : null;

    private void Stamp() => _stamp = _options.TimeProvider.GetUtcNow();

    private void ThrowIfOverLimit(string key, int newEntries, long bytes, long growth)
    {
        if (newEntries > 0 && _count >= _options.MaxEntries)
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

    private static long Size(string key, WorkflowEntry entry) => Encoding.UTF8.GetByteCount(key) + entry.Encoded.Length;
}
