namespace WorkflowSessions.Contracts;

/// <summary>Passes everything on; a broken store overrides what it breaks.</summary>
public class DelegatingEntries(IWorkflowEntries inner) : IWorkflowEntries
{
    protected IWorkflowEntries Inner { get; } = inner;

    public virtual bool IsLoaded => Inner.IsLoaded;

    public virtual bool HasChanges => Inner.HasChanges;

    public virtual bool IsNew => Inner.IsNew;

    public virtual int Count => Inner.Count;

    public virtual DateTimeOffset? LastModified => Inner.LastModified;

    public virtual DateTimeOffset? ExpiresAt => Inner.ExpiresAt;

    public virtual bool TryGet(string key, Type type, out object? value) => Inner.TryGet(key, type, out value);

    public virtual bool Has(string key) => Inner.Has(key);

    public virtual void Set(string key, object? value, Type type) => Inner.Set(key, value, type);

    public virtual bool Delete(string key) => Inner.Delete(key);

    public virtual bool Discard(string key, Type type) => Inner.Discard(key, type);

    public virtual void Clear() => Inner.Clear();

    public virtual void End() => Inner.End();

    public virtual bool IsCompleted => Inner.IsCompleted;

    public virtual object? GetReceipt(Type type) => Inner.GetReceipt(type);

    public virtual void Complete(object? receipt, Type type) => Inner.Complete(receipt, type);

    public virtual ValueTask<object?> CompleteAsync(
        Func<string, CancellationToken, Task<object?>> complete,
        Type type,
        CancellationToken cancellationToken = default
    ) => Inner.CompleteAsync(complete, type, cancellationToken);

    public virtual IReadOnlyDictionary<string, object?> GetAll() => Inner.GetAll();

    public virtual ValueTask LoadAsync(CancellationToken cancellationToken = default) => Inner.LoadAsync(cancellationToken);

    public virtual ValueTask CommitAsync(CancellationToken cancellationToken = default) => Inner.CommitAsync(cancellationToken);

    public virtual ValueTask UpdateAsync(Func<CancellationToken, ValueTask> change, CancellationToken cancellationToken = default) =>
        Inner.UpdateAsync(change, cancellationToken);
}
