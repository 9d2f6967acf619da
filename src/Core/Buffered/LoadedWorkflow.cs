using System.Runtime.CompilerServices;
using System.Text;

namespace WorkflowSessions;

/// <summary>
/// A workflow in memory, as its request sees it: a snapshot, which is never changed, and the changes over it. It knows no store, and checks nothing but the limits.
/// </summary>
/// <remarks>A base class, and not a field of the class that derives from it: each read would cost one more step.</remarks>
internal abstract class LoadedWorkflow(string workflowId, BufferedSessionStoreOptions options)
{
    // Random, 40 bits: two generations of one workflow collide with probability 10^-12. The decimal form stays short.
    public const long Generations = 1L << 40;

    private static readonly Dictionary<string, WorkflowEntry> Nothing = [];

    private readonly WorkflowChanges _changes = new();
    private Dictionary<string, WorkflowEntry> _snapshot = Nothing;

    // The snapshot, as long as the request sees nothing else: then a read is one lookup.
    private Dictionary<string, WorkflowEntry>? _unchanged;

    // Counted when something is set; a request that only reads has no use for it.
    private long? _bytes;
    private WorkflowEntry? _storedReceipt;

    public string Id => workflowId;

    public bool IsLoaded { get; private set; }

    protected BufferedSessionStoreOptions Options => options;

    protected int EntryCount { get; private set; }

    /// <summary>The last change, by this request or before; null when the workflow is absent or ends.</summary>
    protected DateTimeOffset? Modified { get; private set; }

    protected DateTimeOffset? Expiry { get; private set; }

    /// <summary>The generation that was loaded or committed; null when the workflow was absent.</summary>
    public long? Generation { get; private set; }

    /// <summary>The version that is stored when nobody else has committed since the load.</summary>
    public long Version { get; private set; }

    /// <summary>The receipt, as this request sees it; null when the workflow is not completed.</summary>
    protected WorkflowEntry? Receipt => _changes.Receipt ?? (_changes.HidesSnapshot ? null : _storedReceipt);

    /// <summary>Whether nothing was stored when the workflow was loaded.</summary>
    protected bool WasAbsent { get; private set; }

    protected bool IsChanged => _changes.Any;

    protected bool Ends => _changes.Ends;

    /// <summary>The number of the last change, for <see cref="SetCommitted"/>.</summary>
    public int LastChange => _changes.Last;

    public IEnumerable<KeyValuePair<string, WorkflowEntry>> Entries => _changes.Over(_snapshot);

    /// <summary>The entries, when the request sees the snapshot as it is; null when there are changes.</summary>
    protected Dictionary<string, WorkflowEntry>? Unchanged => _unchanged;

    protected WorkflowEntry? Find(string key) => _unchanged is { } all ? all.GetValueOrDefault(key) : FindChanged(key);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private WorkflowEntry? FindChanged(string key) =>
        _changes.TryGet(key, out WorkflowEntry? changed) ? changed
        : !_changes.HidesSnapshot && _snapshot.TryGetValue(key, out WorkflowEntry? stored) ? stored
        : null;

    /// <exception cref="WorkflowLimitException">The workflow would have too many entries or bytes. Nothing was changed.</exception>
    protected void Put(string key, WorkflowEntry entry)
    {
        WorkflowEntry? previous = Find(key);
        long bytes = _bytes ??= Entries.Sum(stored => Size(stored.Key, stored.Value));
        long growth = Size(key, entry) - (previous is null ? 0 : Size(key, previous));
        ThrowIfOverLimit(key, previous is null ? 1 : 0, bytes, growth);
        _unchanged = null;
        _changes.Put(key, entry);
        EntryCount += previous is null ? 1 : 0;
        _bytes = bytes + growth;
        Stamp();
    }

    protected bool Remove(string key)
    {
        if (Find(key) is not { } entry)
        {
            return false;
        }

        _unchanged = null;
        _changes.Put(key, entry: null);
        EntryCount--;
        _bytes -= Size(key, entry);
        Stamp();
        return true;
    }

    protected void RemoveAll()
    {
        RemoveEntries();
        _changes.Clears = true;
        Stamp();
    }

    /// <summary>Removes all entries, and leaves a receipt.</summary>
    protected void PutReceipt(WorkflowEntry receipt)
    {
        RemoveEntries();
        _changes.Complete(receipt);
        Stamp();
    }

    /// <exception cref="WorkflowLimitException">The receipt has too many bytes.</exception>
    protected void ThrowIfTooLarge(WorkflowEntry receipt)
    {
        if (receipt.Encoded.Length > options.MaxWorkflowBytes)
        {
            throw new WorkflowLimitException(
                $"The receipt of workflow '{workflowId}' has {receipt.Encoded.Length} of the {options.MaxWorkflowBytes} bytes that the workflow may have. "
                    + $"Keep large data elsewhere and its address here, or raise {nameof(BufferedSessionStoreOptions.MaxWorkflowBytes)}.",
                workflowId
            );
        }
    }

    /// <param name="isStored">Whether there is something to end. If not, the changes are dropped, and nothing is committed.</param>
    protected void EndWorkflow(bool isStored)
    {
        RemoveEntries();
        _changes.Clears = false;
        _changes.Ends = isStored;
        Modified = null;
    }

    /// <summary>The workflow that was to end is over already.</summary>
    public void ForgetEnd() => _changes.Ends = false;

    /// <summary>Takes a snapshot, and drops the changes.</summary>
    protected void Replace(WorkflowRecord? record)
    {
        _changes.ForgetAll();
        Modified = record?.LastModified;
        Merge(record);
    }

    /// <summary>Takes a snapshot, and keeps the changes that are not committed.</summary>
    protected void Merge(WorkflowRecord? record)
    {
        _changes.ForgetCommitted();
        _snapshot = record?.Table ?? Nothing;
        _unchanged = _changes.HidesAny ? null : _snapshot;
        EntryCount = _changes.CountOver(_snapshot);
        _bytes = null;
        _storedReceipt = record?.Receipt;
        Version = record?.Version ?? 0;
        Generation = record?.Generation;
        Expiry = record?.ExpiresAt;
        WasAbsent = record is null;
        IsLoaded = true;
    }

    /// <summary>Leaves the snapshot behind, and keeps nothing but the keys that were set and are not committed.</summary>
    protected void KeepSets()
    {
        if (!_changes.KeepSets())
        {
            Modified = null;
        }

        if (IsLoaded)
        {
            Merge(record: null);
        }
    }

    /// <summary>Drops everything, so that a read finds nothing. Another thread may be reading.</summary>
    protected void DropAll()
    {
        IsLoaded = false;
        _unchanged = null;
        _snapshot = Nothing;
        _storedReceipt = null;
        _changes.ForgetAll();
    }

    public WorkflowCommit ToCommit(long? requiredVersion)
    {
        (Dictionary<string, WorkflowEntry> sets, List<string> deletes) = _changes.Pending();
        (TimeSpan? idle, TimeSpan? absolute) = options.Timeouts(workflowId);
        return new WorkflowCommit(workflowId, sets, deletes)
        {
            Clears = _changes.Clears,
            Ends = _changes.Ends,
            Stamp = Modified,
            IdleTimeout = idle,
            AbsoluteTimeout = absolute,
            ExpiresAt = Expiry,
            Generation = Generation,
            RequiredVersion = requiredVersion,
            MaxEntries = options.MaxEntries,
            NewGeneration = Random.Shared.NextInt64(1, Generations),
            Receipt = _changes.PendingReceipt,
            ReceiptTimeout = _changes.PendingReceipt is null ? null : options.ReceiptTimeout(workflowId),
        };
    }

    /// <summary>The changes up to a number are stored.</summary>
    public void SetCommitted(int lastChange, CommitResult result)
    {
        // Others who committed since the load are not counted: then it is not what is stored.
        Version = result.Generation == Generation ? Version + 1 : 1;
        Generation = result.Generation;
        // What was ended while a first commit was under way ends with the next, and otherwise nothing is left to end.
        _changes.Ends &= Generation is not null;
        _changes.SetCommitted(lastChange);
        Expiry = result.ExpiresAt;
    }

    private void RemoveEntries()
    {
        _unchanged = null;
        _changes.RemoveAll();
        EntryCount = 0;
        _bytes = 0;
    }

    private void Stamp() => Modified = options.TimeProvider.GetUtcNow();

    private void ThrowIfOverLimit(string key, int newEntries, long bytes, long growth)
    {
        if (newEntries > 0 && EntryCount >= options.MaxEntries)
        {
            throw new WorkflowLimitException(
                $"Key '{key}' would be one more than the {options.MaxEntries} entries that workflow '{workflowId}' may have. "
                    + $"Delete entries, keep a collection under one key, or raise {nameof(BufferedSessionStoreOptions.MaxEntries)}.",
                workflowId
            );
        }

        if (growth > 0 && bytes + growth > options.MaxWorkflowBytes)
        {
            throw new WorkflowLimitException(
                $"With key '{key}' workflow '{workflowId}' would have {bytes + growth} of the {options.MaxWorkflowBytes} bytes that it may have. "
                    + $"Keep large data elsewhere and its address here, or raise {nameof(BufferedSessionStoreOptions.MaxWorkflowBytes)}.",
                workflowId
            );
        }
    }

    private static long Size(string key, WorkflowEntry entry) => Encoding.UTF8.GetByteCount(key) + entry.Encoded.Length;
}
