using System.Diagnostics.CodeAnalysis;

namespace WorkflowSessions;

/// <summary>One workflow of one user's session: a namespace of typed values that no other workflow can see, overwrite or clear.</summary>
/// <remarks>
/// <para>
/// Keys are 1 to 256 UTF-16 units, well formed, compared ordinally; every member that takes one throws <see cref="ArgumentException"/> for
/// any other, also when it only reads. A null is a value like any other: a key that holds it is there.
/// </para>
/// <para>
/// A value is read as the type it was set with, or a base type of it. Numbers convert to another numeric type when converting back gives an
/// equal value; an enum reads from and as its integer. Anything else throws <see cref="WorkflowValueException"/>.
/// </para>
/// <para>Not thread-safe: a workflow session belongs to one request and one thread at a time.</para>
/// </remarks>
public sealed partial class WorkflowSession
{
    private readonly IWorkflowEntries _entries;

    /// <summary>Opens a workflow in a dictionary, without writing anything to it. Every later change is visible in the dictionary at once.</summary>
    /// <param name="session">The session, which stays the caller's. Its keys must be compared ordinally.</param>
    /// <param name="workflowId">1 to 128 UTF-16 units, well formed, compared ordinally.</param>
    /// <param name="timeProvider">The clock of the stamps; null for the system's.</param>
    /// <exception cref="ArgumentNullException"><paramref name="session"/> or <paramref name="workflowId"/> is null.</exception>
    /// <exception cref="ArgumentException">
    /// The id is empty, too long or has a lone surrogate; or the dictionary's comparer is not ordinal.
    /// </exception>
    public WorkflowSession(IDictionary<string, object?> session, string workflowId, TimeProvider? timeProvider = null)
        : this(new DictionarySessionStore(session, timeProvider), workflowId) { }

    /// <summary>Opens a workflow in a session, without input or output.</summary>
    /// <param name="session">The session.</param>
    /// <param name="workflowId">1 to 128 UTF-16 units, well formed, compared ordinally.</param>
    /// <exception cref="ArgumentNullException"><paramref name="session"/> or <paramref name="workflowId"/> is null.</exception>
    /// <exception cref="ArgumentException">The id is empty, too long or has a lone surrogate.</exception>
    public WorkflowSession(ISessionStore session, string workflowId)
    {
        ArgumentNullException.ThrowIfNull(session);
        _entries = session.Open(workflowId);
        Id = workflowId;
    }

    /// <summary>The id of the workflow, with the instance where it is one.</summary>
    public string Id { get; }

    /// <summary>The number of entries. On a dictionary this looks at every slot of the session.</summary>
    public int Count => _entries.Count;

    /// <summary>Whether the values can be used; always true on a dictionary.</summary>
    public bool IsLoaded => _entries.IsLoaded;

    /// <summary>
    /// Whether nothing was stored when the workflow was loaded: it is about to begin, or has ended or expired. It stays so until the next load. On a dictionary:
    /// whether nothing is in it now.
    /// </summary>
    /// <exception cref="InvalidOperationException">The workflow is not loaded.</exception>
    public bool IsNew => _entries.IsNew;

    /// <summary>Whether there are changes that wait for <see cref="CommitAsync"/>; always false on a dictionary.</summary>
    public bool HasChanges => _entries.HasChanges;

    /// <summary>When the workflow was last changed; null when it never was, or when the stamp is missing or unreadable.</summary>
    public DateTimeOffset? LastModified => _entries.LastModified;

    /// <summary>When the workflow expires unless it is used again; null where nothing expires, as on a dictionary.</summary>
    public DateTimeOffset? ExpiresAt => _entries.ExpiresAt;

    /// <summary>Adds or replaces a value and stamps the workflow, also when the value is equal to the one before.</summary>
    /// <typeparam name="T">The declared type of the value.</typeparam>
    /// <param name="key">The key.</param>
    /// <param name="value">The value; a dictionary keeps it by reference.</param>
    /// <exception cref="ArgumentException">The key is null, empty, too long or has a lone surrogate.</exception>
    /// <exception cref="WorkflowValueException">The value can't be stored, or would not come back as it is. A dictionary keeps every value.</exception>
    public void Set<T>(string key, T value) => _entries.Set(key, value, typeof(T));

    /// <summary>Reads a value.</summary>
    /// <typeparam name="T">The type to read it as.</typeparam>
    /// <param name="key">The key.</param>
    /// <returns>The value; the default of <typeparamref name="T"/> when the key is absent.</returns>
    /// <exception cref="ArgumentException">The key is null, empty, too long or has a lone surrogate.</exception>
    /// <exception cref="WorkflowValueException">The value can't be read as a <typeparamref name="T"/>.</exception>
    public T? Get<T>(string key) =>
        // Not by way of TryGet: a call from one generic method into another costs as much as the lookup.
        !_entries.TryGet(key, typeof(T), out object? stored) ? default
        : stored is T value ? value
        : Convert<T>(key, stored);

    /// <summary>Reads a value, or a default when there is none.</summary>
    /// <typeparam name="T">The type to read it as.</typeparam>
    /// <param name="key">The key.</param>
    /// <param name="defaultValue">What to return when the key is absent. It is never stored.</param>
    /// <returns>The value, which is null when a null is stored; <paramref name="defaultValue"/> only when the key is absent.</returns>
    /// <exception cref="ArgumentException">The key is null, empty, too long or has a lone surrogate.</exception>
    /// <exception cref="WorkflowValueException">The value can't be read as a <typeparamref name="T"/>.</exception>
    public T? Get<T>(string key, T defaultValue) =>
        !_entries.TryGet(key, typeof(T), out object? stored) ? defaultValue
        : stored is T value ? value
        : Convert<T>(key, stored);

    /// <summary>Reads a value and tells whether there is one.</summary>
    /// <typeparam name="T">The type to read it as.</typeparam>
    /// <param name="key">The key.</param>
    /// <param name="value">The value, which is null when a null is stored; the default of <typeparamref name="T"/> when the key is absent.</param>
    /// <returns>False only when the key is absent.</returns>
    /// <exception cref="ArgumentException">The key is null, empty, too long or has a lone surrogate.</exception>
    /// <exception cref="WorkflowValueException">The value can't be read as a <typeparamref name="T"/>.</exception>
    public bool TryGet<T>(string key, [MaybeNull] out T value)
    {
        if (!_entries.TryGet(key, typeof(T), out object? stored))
        {
            value = default;
            return false;
        }

        value = stored is T exact ? exact : Convert<T>(key, stored);
        return true;
    }

    /// <summary>Reads a value that the application can do without. One that can't be read is deleted, with a warning in the log of the store.</summary>
    /// <typeparam name="T">The type to read it as.</typeparam>
    /// <param name="key">The key.</param>
    /// <param name="defaultValue">What to return when the key is absent, or when its value can't be read. It is never stored.</param>
    /// <returns>The value, which is null when a null is stored and <typeparamref name="T"/> has one; otherwise <paramref name="defaultValue"/>.</returns>
    /// <remarks>For entries that an older release wrote in another form. The deletion is a change like any other: it is stored by the next commit.</remarks>
    /// <exception cref="ArgumentException">The key is null, empty, too long or has a lone surrogate.</exception>
    public T? GetOrDiscard<T>(string key, T? defaultValue = default)
    {
        try
        {
            return TryGet(key, out T? value) ? value : defaultValue;
        }
        catch (WorkflowValueException)
        {
            _ = _entries.Discard(key, typeof(T));
            return defaultValue;
        }
    }

    /// <summary>Whether the key is there, with a value or with null.</summary>
    /// <param name="key">The key.</param>
    /// <exception cref="ArgumentException">The key is null, empty, too long or has a lone surrogate.</exception>
    public bool Has(string key) => _entries.Has(key);

    /// <summary>Removes a value and stamps the workflow; does neither when the key is absent.</summary>
    /// <param name="key">The key.</param>
    /// <returns>Whether the key was there.</returns>
    /// <exception cref="ArgumentException">The key is null, empty, too long or has a lone surrogate.</exception>
    public bool Delete(string key) => _entries.Delete(key);

    /// <summary>Removes all values and stamps the workflow once, also when there were none.</summary>
    public void Clear() => _entries.Clear();

    /// <summary>Removes all values, the stamp and the receipt: the workflow is over.</summary>
    public void End() => _entries.End();

    /// <summary>A copy of all entries, which later changes don't affect. The values in it are those of the store.</summary>
    public IReadOnlyDictionary<string, object?> GetAll() => _entries.GetAll();

    /// <summary>Makes the values usable; completes at once on a dictionary.</summary>
    /// <param name="cancellationToken">Cancels the wait.</param>
    /// <remarks>Loading again shows the commits of others, and keeps the changes that wait for <see cref="CommitAsync"/>.</remarks>
    /// <exception cref="InvalidOperationException">The workflow is in <c>UpdateAsync</c>.</exception>
    /// <exception cref="WorkflowConflictException">Changes wait, and the workflow that they belong to has ended or expired.</exception>
    /// <exception cref="SessionStoreException">The store could not load it.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public ValueTask LoadAsync(CancellationToken cancellationToken = default) => _entries.LoadAsync(cancellationToken);

    /// <summary>Loads the workflow, for a page that must not begin one: the second page of a form, the receipt of an order.</summary>
    /// <param name="cancellationToken">Cancels the wait.</param>
    /// <returns>False when the workflow has never begun, or has ended or expired, which a store can't tell apart. Send the visitor to the first page then.</returns>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public async ValueTask<bool> LoadExistingAsync(CancellationToken cancellationToken = default)
    {
        await _entries.LoadAsync(cancellationToken).ConfigureAwait(false);
        return !_entries.IsNew;
    }

    /// <summary>Stores the changes; completes at once on a dictionary, where they already are.</summary>
    /// <param name="cancellationToken">Cancels the wait.</param>
    /// <remarks>
    /// Keys that others changed meanwhile stay as they are stored. This object shows them after the next <see cref="LoadAsync"/>. When the commit fails, the changes
    /// still wait.
    /// </remarks>
    /// <exception cref="InvalidOperationException">The workflow is in <c>UpdateAsync</c>.</exception>
    /// <exception cref="WorkflowConflictException">The workflow that was loaded has ended or expired. Nothing was stored.</exception>
    /// <exception cref="WorkflowLimitException">The session has too many workflows, or others have added too many entries. Nothing was stored.</exception>
    /// <exception cref="SessionStoreException">The store could not store it, or not tell whether it has.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public ValueTask CommitAsync(CancellationToken cancellationToken = default) => _entries.CommitAsync(cancellationToken);

    private T? Convert<T>(string key, object? stored)
    {
        if (stored is null)
        {
            return default(T) is null ? default : throw new WorkflowValueException(Id, key, storedType: null, typeof(T));
        }

        return ValueConversion.TryConvert(stored, typeof(T), out object? converted)
            ? (T)converted
            : throw new WorkflowValueException(Id, key, stored.GetType(), typeof(T));
    }
}
