using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace WorkflowSessions;

/// <summary>Finds dictionaries and sets that compare otherwise than a new collection of their type does.</summary>
internal sealed class Comparers(JsonSerializerOptions options)
{
    private static readonly Type[] Sets =
    [
        typeof(HashSet<>),
        typeof(SortedSet<>),
        typeof(ISet<>),
        typeof(ImmutableHashSet<>),
        typeof(ImmutableSortedSet<>),
        typeof(IImmutableSet<>),
    ];

    private readonly ConcurrentDictionary<Type, object?> _defaults = new();

    public static bool MayHaveOne(JsonTypeInfo contract) =>
        contract.Kind == JsonTypeInfoKind.Dictionary
        || (contract.Type.IsGenericType && Sets.Contains(contract.Type.GetGenericTypeDefinition()));

    /// <summary>Adds the comparer of a collection to a list, unless it is the one that its type has anyway.</summary>
    public void AddTo(List<object>? comparers, object collection)
    {
        if (Of(collection) is { } comparer && !AreEqual(comparer, _defaults.GetOrAdd(collection.GetType(), OfNew)))
        {
            comparers?.Add(comparer);
        }
    }

    public static bool AreEqual(List<object> some, List<object> others) =>
        some.Count == others.Count && some.Zip(others).All(pair => AreEqual(pair.First, pair.Second));

    private static bool AreEqual(object comparer, object? other) =>
        comparer.Equals(other) || (other is not null && IsOrdinal(comparer) && IsOrdinal(other));

    private static bool IsOrdinal(object comparer) =>
        comparer is IEqualityComparer<string?> equality
        && StringComparer.IsWellKnownOrdinalComparer(equality, out bool ignoreCase)
        && !ignoreCase;

    /// <summary>The comparer that a collection has when it is read; that of any collection where its type can't be read.</summary>
    private object? OfNew(Type type)
    {
        try
        {
            JsonTypeInfo contract = options.GetTypeInfo(type);
            return JsonSerializer.Deserialize(contract.Kind == JsonTypeInfoKind.Dictionary ? "{}" : "[]", contract) is { } collection
                ? Of(collection)
                : null;
        }
        catch (Exception)
        {
            return null;
        }
    }

    [UnconditionalSuppressMessage("Trimming", "IL2075", Justification = "A comparer that reflection does not show is not compared.")]
    private static object? Of(object collection) =>
        (collection.GetType().GetProperty("Comparer") ?? collection.GetType().GetProperty("KeyComparer"))?.GetValue(collection);
}
