using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace WorkflowSessions;

/// <summary>Looks for the first type that would not come back, in a type and in all that it is made of.</summary>
internal sealed class ContractCheck(JsonSerializerOptions options)
{
    private readonly HashSet<Type> _seen = [];

    /// <summary>The problem of a type; null when there is none, or when its contract doesn't tell.</summary>
    public ContractProblem? Find(Type type) => Find(type, type.ToString());

    /// <summary>Whether a converter of the application's reads and writes the type.</summary>
    public static bool IsTrusted(JsonTypeInfo contract) => contract.Converter.GetType().Assembly != typeof(JsonSerializer).Assembly;

    private ContractProblem? Find(Type type, string place)
    {
        type = Nullable.GetUnderlyingType(type) ?? type;
        if (!_seen.Add(type) || !options.TryGetTypeInfo(type, out JsonTypeInfo? contract) || IsTrusted(contract))
        {
            return null;
        }

        return contract.Kind switch
        {
            JsonTypeInfoKind.Object => ObjectRules.Unwritten(contract, place)
                ?? ObjectRules.Unread(contract, place)
                ?? ObjectRules.Opaque(contract, place)
                ?? FindInMembers(contract),
            JsonTypeInfoKind.Enumerable or JsonTypeInfoKind.Dictionary => CollectionRules.Unwritten(contract, place)
                ?? CollectionRules.Unread(contract, place)
                ?? Find(contract.ElementType!, $"an element of {place}"),
            _ => UnsupportedRules.Find(type, place),
        };
    }

    private ContractProblem? FindInMembers(JsonTypeInfo contract)
    {
        foreach (JsonPropertyInfo member in contract.Properties)
        {
            // A computed member may be of any type, because nobody reads it.
            if (
                member.CustomConverter is null
                && !member.IsExtensionData
                && ObjectRules.IsRead(member, contract)
                && Find(member.PropertyType, $"{contract.Type}.{member.Name}") is { } problem
            )
            {
                return problem;
            }
        }

        foreach (JsonDerivedType derived in contract.PolymorphismOptions?.DerivedTypes ?? [])
        {
            if (Find(derived.DerivedType, derived.DerivedType.ToString()) is { } problem)
            {
                return problem;
            }
        }

        return null;
    }
}
