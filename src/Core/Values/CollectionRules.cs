using System.Collections;
using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace WorkflowSessions;

/// <summary>What System.Text.Json loses of a collection, as far as its contract tells.</summary>
internal static class CollectionRules
{
    private const BindingFlags Own = BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly;

    private static readonly Type[] Reversed =
    [
        typeof(Stack<>),
        typeof(ConcurrentStack<>),
        typeof(ImmutableStack<>),
        typeof(IImmutableStack<>),
    ];

    /// <summary>Data of the collection that is not in the JSON: what a class of the application's adds to its elements.</summary>
    public static ContractProblem? Unwritten(JsonTypeInfo contract, string place)
    {
        for (Type? type = contract.Type; type is not null && !IsOfPlatform(type); type = type.BaseType)
        {
            if (AddedMember(type) is { } member)
            {
                return new(
                    place,
                    $"is a collection with the member {member}, and of a collection only the elements are written",
                    "Use a class that has the collection as a property, or give the options a converter."
                );
            }
        }

        return null;
    }

    /// <summary>What does not come back of the elements.</summary>
    public static ContractProblem? Unread(JsonTypeInfo contract, string place)
    {
        Type type = contract.Type;
        if (type == typeof(Stack) || (type.IsGenericType && Reversed.Contains(type.GetGenericTypeDefinition())))
        {
            return new(place, "is a stack, which comes back in reverse order", "Use a list.");
        }

        if (contract.Kind == JsonTypeInfoKind.Dictionary && HasUntypedKeys(contract))
        {
            return new(
                place,
                "has keys that don't come back as the type they have",
                "Use strings, numbers, enums or other scalars as keys."
            );
        }

        return CanBeRead(contract)
            ? null
            : new(
                ObjectRules.Subject(type, place),
                "can be written and not read",
                "Use an array, a list, a dictionary or an immutable collection, as with ToList() or ToDictionary()."
            );
    }

    private static bool HasUntypedKeys(JsonTypeInfo contract) =>
        contract.KeyType == typeof(object)
        || (typeof(IDictionary).IsAssignableFrom(contract.Type) && !contract.Type.IsGenericType && IsOfPlatform(contract.Type))
        || (contract.Options.TryGetTypeInfo(contract.KeyType!, out JsonTypeInfo? key) && key.Kind != JsonTypeInfoKind.None);

    /// <summary>Reads a collection that is empty, or has a number where it takes any object. Nothing else tells which ones can be read.</summary>
    private static bool CanBeRead(JsonTypeInfo contract)
    {
        string json =
            contract.Kind == JsonTypeInfoKind.Dictionary ? "{}"
            : contract.ElementType == typeof(object) ? "[0]"
            : "[]";
        try
        {
            _ = JsonSerializer.Deserialize(json, contract);
            return true;
        }
        catch (Exception)
        {
            return false;
        }
    }

    private static bool IsOfPlatform(Type type) => type.Namespace?.StartsWith("System", StringComparison.Ordinal) == true;

    /// <summary>A property with a setter; or any field of a class that inherits its elements from a collection of the platform.</summary>
    [UnconditionalSuppressMessage("Trimming", "IL2070", Justification = "A member that reflection does not show is not noticed.")]
    private static string? AddedMember(Type type)
    {
        if (
            type.GetProperties(Own)
                .FirstOrDefault(property => property.SetMethod is { IsPublic: true } && property.GetIndexParameters().Length == 0) is
            { } property
        )
        {
            return property.Name;
        }

        Type? ancestor = type.BaseType;
        while (ancestor is not null && !IsOfPlatform(ancestor))
        {
            ancestor = ancestor.BaseType;
        }

        return typeof(IEnumerable).IsAssignableFrom(ancestor) ? type.GetFields(Own).FirstOrDefault()?.Name : null;
    }
}
