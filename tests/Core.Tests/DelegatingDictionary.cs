using System.Collections;
using System.Diagnostics.CodeAnalysis;

namespace WorkflowSessions.Tests;

/// <summary>Passes everything on to a dictionary whose type it hides; a test overrides what it wants otherwise.</summary>
internal class DelegatingDictionary(IDictionary<string, object?> inner) : IDictionary<string, object?>
{
    public ICollection<string> Keys => inner.Keys;

    public ICollection<object?> Values => inner.Values;

    public int Count => inner.Count;

    public bool IsReadOnly => inner.IsReadOnly;

    public virtual object? this[string key]
    {
        get => inner[key];
        set => inner[key] = value;
    }

    public void Add(string key, object? value) => inner.Add(key, value);

    public void Add(KeyValuePair<string, object?> item) => inner.Add(item);

    public void Clear() => inner.Clear();

    public bool Contains(KeyValuePair<string, object?> item) => inner.Contains(item);

    public bool ContainsKey(string key) => inner.ContainsKey(key);

    public void CopyTo(KeyValuePair<string, object?>[] array, int arrayIndex) => inner.CopyTo(array, arrayIndex);

    public IEnumerator<KeyValuePair<string, object?>> GetEnumerator() => inner.GetEnumerator();

    public virtual bool Remove(string key) => inner.Remove(key);

    public bool Remove(KeyValuePair<string, object?> item) => inner.Remove(item);

    public bool TryGetValue(string key, [MaybeNullWhen(false)] out object? value) => inner.TryGetValue(key, out value);

    IEnumerator IEnumerable.GetEnumerator() => inner.GetEnumerator();
}
