using System.Runtime.CompilerServices;

namespace WorkflowSessions;

/// <summary>One workflow between its load and its commit.</summary>
internal sealed partial class BufferedWorkflowEntries : LoadedWorkflow, IWorkflowEntries
{
    private readonly WorkflowTransfer _transfer;

    public BufferedWorkflowEntries(BufferedSessionStore store, string workflowId)
        : base(workflowId, store.Options) => _transfer = new WorkflowTransfer(this, store);

    /// <summary>What UpdateAsync does at this moment.</summary>
    public UpdatePhase Update { get; set; }

    public bool HasChanges
    {
        get
        {
            Store.ThrowIfDisposed();
            return IsChanged;
        }
    }

    public bool IsNew
    {
        get
        {
            ThrowIfNotLoaded();
            return WasAbsent;
        }
    }

    public int Count
    {
        get
        {
            ThrowIfNotLoaded();
            return EntryCount;
        }
    }

    public DateTimeOffset? LastModified
    {
        get
        {
            ThrowIfNotLoaded();
            return Modified;
        }
    }

    public DateTimeOffset? ExpiresAt
    {
        get
        {
            Store.ThrowIfDisposed();
            return Expiry;
        }
    }

    private BufferedSessionStore Store => _transfer.Store;

    private EntryCodec Values => new(Id, Options.Serializer, Options.VerifyValues is true);

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

        value = Read(key, entry, type);
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
        ThrowIfNotChangeable();
        Put(key, new WorkflowEntry(Values.Encode(key, value, type)));
    }

    public bool Delete(string key)
    {
        NameRules.ThrowIfInvalidKey(key);
        ThrowIfNotChangeable();
        return Remove(key);
    }

    public bool Discard(string key, Type type)
    {
        bool deleted = Delete(key);
        if (deleted)
        {
            Options.Logger.LogValueDiscarded(Id, Store.Calls.StoreName, type.ToString());
        }

        return deleted;
    }

    public void Clear()
    {
        ThrowIfNotChangeable();
        RemoveAll();
    }

    public void End()
    {
        ThrowIfNotChangeable(isEnd: true);
        // A commit that is under way may be the one that begins the workflow.
        EndWorkflow(isStored: Generation is not null || _transfer.IsCommitting);
    }

    public IReadOnlyDictionary<string, object?> GetAll()
    {
        ThrowIfNotLoaded();
        Dictionary<string, object?> all = new(EntryCount, StringComparer.Ordinal);
        if (Unchanged is { } unchanged)
        {
            // Not by way of the interface, which takes twice the time.
            foreach ((string key, WorkflowEntry entry) in unchanged)
            {
                all[key] = Read(key, entry, typeof(object));
            }
        }
        else
        {
            foreach ((string key, WorkflowEntry entry) in Entries)
            {
                all[key] = Read(key, entry, typeof(object));
            }
        }

        return all;
    }

    public async ValueTask LoadAsync(CancellationToken cancellationToken = default)
    {
        ThrowIfUpdating();
        WorkflowRecord? record = await _transfer.LoadAsync(cancellationToken).ConfigureAwait(false);
        if (Generation is not null && record?.Generation != Generation)
        {
            if (HasChanges && !Ends)
            {
                throw new WorkflowConflictException(Id, WorkflowConflictReason.Ended, []);
            }

            ForgetEnd();
        }

        if (HasChanges && !Ends && record?.Receipt is not null)
        {
            throw new WorkflowConflictException(Id, WorkflowConflictReason.Completed, []);
        }

        if (HasChanges)
        {
            Merge(record);
        }
        else
        {
            Take(record);
        }
    }

    public async ValueTask CommitAsync(CancellationToken cancellationToken = default)
    {
        ThrowIfUpdating();
        Store.ThrowIfDisposed();
        cancellationToken.ThrowIfCancellationRequested();
        if (HasChanges)
        {
            await _transfer.CommitAsync(requiredVersion: null, cancellationToken).ConfigureAwait(false);
        }
    }

    public ValueTask UpdateAsync(Func<CancellationToken, ValueTask> change, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(change);
        return Store.Capabilities.VersionCheck || Store.AllowsBestEffortUpdates
            ? UpdateAnywayAsync(change, cancellationToken)
            : throw new NotSupportedException(
                "This store can't tell whether others changed a workflow meanwhile. Use LoadAsync and CommitAsync."
            );
    }

    /// <summary>Updates also where the store does not notice that others commit in between.</summary>
    public ValueTask UpdateAnywayAsync(Func<CancellationToken, ValueTask> change, CancellationToken cancellationToken) =>
        new UpdateLoop(this, _transfer, Options).RunAsync(change, cancellationToken);

    /// <summary>The session has ended: nothing is loaded that could be changed, and nothing waits.</summary>
    public void Forget()
    {
        if (IsLoaded)
        {
            Take(null);
        }
    }

    /// <summary>Drops everything, so that a read finds nothing and throws. Another thread may be reading.</summary>
    public void Drop() => DropAll();

    /// <summary>Goes on in another session, with what was set here and not committed. Whatever was loaded stays behind.</summary>
    public void MoveTo(BufferedSessionStore next)
    {
        _transfer.Store = next;
        KeepSets();
    }

    /// <summary>Takes what is stored, and drops the changes.</summary>
    public void Take(WorkflowRecord? record)
    {
        if (!Store.IsDisposed)
        {
            Replace(record);
        }
    }

    private object? Read(string key, WorkflowEntry entry, Type type) =>
        ReferenceEquals(entry.Decoded, WorkflowEntry.NotDecoded) ? Decode(key, entry, type) : entry.Decoded;

    // Not inlined: the codec would make each read clear its part of the stack first.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private object? Decode(string key, WorkflowEntry entry, Type type) => Values.Decode(key, entry, type);
}
