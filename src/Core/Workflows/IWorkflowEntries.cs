namespace WorkflowSessions;

/// <summary>The entries of one workflow as a store hands them out; <see cref="WorkflowSession"/> adds the types to it.</summary>
/// <remarks>
/// Every member that takes a key refuses one that is null, empty, longer than 256 UTF-16 units or not well formed with an
/// <see cref="ArgumentException"/>, reads included. Keys are compared ordinally. Not thread-safe: the entries belong to one request.
/// It is not generic because a generic method on an interface costs about three times a dictionary lookup, a plain one hardly more than one.
/// </remarks>
public interface IWorkflowEntries
{
    /// <summary>Whether the entries can be used; false on a buffered store before <see cref="LoadAsync"/>.</summary>
    bool IsLoaded { get; }

    /// <summary>Whether there are changes that wait for <see cref="CommitAsync"/>; always false on a store that writes through.</summary>
    bool HasChanges { get; }

    /// <summary>Whether nothing was stored when the workflow was loaded, as when it has expired. On a store that writes through: whether nothing is stored now.</summary>
    bool IsNew { get; }

    /// <summary>Whether the workflow is completed: it has a receipt and no entries. Always false on a store without completion.</summary>
    bool IsCompleted => false;

    /// <summary>The number of entries.</summary>
    int Count { get; }

    /// <summary>When the workflow was last changed; null when it never was, or when the stamp is missing or unreadable.</summary>
    DateTimeOffset? LastModified { get; }

    /// <summary>When the workflow expires unless it is used again; null on a store without expiry.</summary>
    DateTimeOffset? ExpiresAt { get; }

    /// <summary>Reads one value.</summary>
    /// <param name="key">The key.</param>
    /// <param name="type">The type the caller will read it as; a store that keeps bytes decodes objects to it, and returns scalars exactly as they were set.</param>
    /// <param name="value">The value, which may be null or of another type; null when the key is absent.</param>
    /// <returns>Whether the key is there.</returns>
    bool TryGet(string key, Type type, out object? value);

    /// <summary>Whether the key is there, with a value or with null.</summary>
    /// <param name="key">The key.</param>
    bool Has(string key);

    /// <summary>Adds or replaces one value and stamps the workflow, also when the value is equal.</summary>
    /// <param name="key">The key.</param>
    /// <param name="value">The value.</param>
    /// <param name="type">The declared type of the value.</param>
    void Set(string key, object? value, Type type);

    /// <summary>Removes one value and stamps the workflow; does neither when the key is absent.</summary>
    /// <param name="key">The key.</param>
    /// <returns>Whether the key was there.</returns>
    bool Delete(string key);

    /// <summary>Removes one value because it can't be read, as <see cref="Delete"/> does. A store that has a log warns there.</summary>
    /// <param name="key">The key.</param>
    /// <param name="type">The type that it could not be read as.</param>
    /// <returns>Whether the key was there.</returns>
    bool Discard(string key, Type type) => Delete(key);

    /// <summary>Removes all values and stamps the workflow once, also when there were none.</summary>
    void Clear();

    /// <summary>Removes all values and the stamp: the workflow is over.</summary>
    void End();

    /// <summary>Reads the receipt.</summary>
    /// <param name="type">The type the caller will read it as.</param>
    /// <exception cref="InvalidOperationException">The workflow is not completed.</exception>
    object? GetReceipt(Type type) => throw new InvalidOperationException("The workflow is not completed, so it has no receipt.");

    /// <summary>Removes all values and leaves a receipt.</summary>
    /// <param name="receipt">The receipt.</param>
    /// <param name="type">The declared type of the receipt.</param>
    /// <exception cref="NotSupportedException">The store does not promise <see cref="SessionStoreCapabilities.Completion"/>.</exception>
    void Complete(object? receipt, Type type) => throw Completion.NotSupported();

    /// <summary>Claims the workflow, runs a function and completes the workflow with its result; or waits for the receipt of another request.</summary>
    /// <param name="complete">The function. It gets the idempotency key.</param>
    /// <param name="type">The declared type of the receipt.</param>
    /// <param name="cancellationToken">Cancels the wait, and is handed to the function.</param>
    /// <returns>The receipt.</returns>
    /// <exception cref="NotSupportedException">The store does not promise <see cref="SessionStoreCapabilities.Completion"/>.</exception>
    ValueTask<object?> CompleteAsync(
        Func<string, CancellationToken, Task<object?>> complete,
        Type type,
        CancellationToken cancellationToken = default
    ) => throw Completion.NotSupported();

    /// <summary>A copy of all entries.</summary>
    IReadOnlyDictionary<string, object?> GetAll();

    /// <summary>Makes the entries usable; completes at once on a store that writes through.</summary>
    /// <param name="cancellationToken">Cancels the wait.</param>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    ValueTask LoadAsync(CancellationToken cancellationToken = default);

    /// <summary>Stores the changes; completes at once on a store that writes through.</summary>
    /// <param name="cancellationToken">Cancels the wait.</param>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    ValueTask CommitAsync(CancellationToken cancellationToken = default);

    /// <summary>Runs a change on the loaded entries and stores it whole; when the change throws, its effects are dropped.</summary>
    /// <param name="change">The change; a store that detects conflicts may run it more than once.</param>
    /// <param name="cancellationToken">Cancels the wait, and is handed to the change.</param>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    ValueTask UpdateAsync(Func<CancellationToken, ValueTask> change, CancellationToken cancellationToken = default);
}
