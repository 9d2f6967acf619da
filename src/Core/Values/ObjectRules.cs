using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;

namespace WorkflowSessions;

/// <summary>What System.Text.Json loses of an object, as far as its contract tells.</summary>
/// <remarks>A native application shows few fields to reflection. There, public fields of a class are not noticed; in Development, which is not native, they are.</remarks>
internal static class ObjectRules
{
    private const BindingFlags Own = BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly;

    /// <summary>Data of the type that is not in the JSON.</summary>
    public static ContractProblem? Unwritten(JsonTypeInfo contract, string place)
    {
        Type type = contract.Type;
        string subject = Subject(type, place);
        if (typeof(Exception).IsAssignableFrom(type))
        {
            return new(subject, "is an exception, which can't be created again", "Store what you need of it, as its type and its message.");
        }

        if (type == typeof(StringBuilder))
        {
            return new(subject, "is a StringBuilder, of which only the length is written", "Store the string.");
        }

        if (typeof(IDisposable).IsAssignableFrom(type) || typeof(IAsyncDisposable).IsAssignableFrom(type))
        {
            return new(
                subject,
                "holds a resource of this process, as a task, a stream or a connection does",
                "Store the data that is needed to get it again."
            );
        }

        foreach (FieldInfo field in PublicFields(type))
        {
            if (!field.IsDefined(typeof(JsonIgnoreAttribute)) && !contract.Properties.Any(member => IsOf(member, field)))
            {
                return new(
                    subject,
                    $"has the public field {field.Name}, which is not written",
                    "Use a record or properties instead of a tuple or fields, mark the field [JsonInclude], or give the options a converter."
                );
            }
        }

        return null;
    }

    /// <summary>Data of a type that has no member that is both written and read, as a number of its own has.</summary>
    public static ContractProblem? Opaque(JsonTypeInfo contract, string place) =>
        !contract.Properties.Any(member => IsRead(member, contract) || IsIgnored(member))
        && !contract.Type.IsAbstract
        && HasFields(contract.Type)
            ? new(
                Subject(contract.Type, place),
                "has data, but no member that is written and read",
                "Give it properties with setters, or give the options a converter."
            )
            : null;

    /// <summary>Data of the type that is in the JSON and is not read from it.</summary>
    public static ContractProblem? Unread(JsonTypeInfo contract, string place)
    {
        Type type = contract.Type;
        string subject = Subject(type, place);
        if (type.IsAbstract)
        {
            return contract.PolymorphismOptions is { DerivedTypes.Count: > 0 }
                ? null
                : new(
                    subject,
                    "is abstract or an interface, so that nothing tells which class to create when it is read",
                    "Declare the class, or list the classes with [JsonDerivedType]."
                );
        }

        int bound = contract.Properties.Count(member => member.AssociatedParameter is { IsMemberInitializer: false });
        int parameters = (contract.ConstructorAttributeProvider as MethodBase)?.GetParameters().Length ?? bound;
        if (
            contract.CreateObject is null
            && (bound < parameters || !contract.Properties.Any(member => member.AssociatedParameter is not null))
        )
        {
            return bound < parameters
                ? new(
                    subject,
                    "has a constructor parameter without a property of the same name and type",
                    "Add the property, or mark another constructor [JsonConstructor]."
                )
                : new(
                    subject,
                    "has no constructor that can be used when it is read",
                    "Give it a public one without parameters, or mark one [JsonConstructor]."
                );
        }

        foreach (JsonPropertyInfo member in contract.Properties)
        {
            if (member.Get is not null && !IsRead(member, contract) && !IsIgnored(member) && IsData(member, out string? reason))
            {
                return new(
                    $"{type}.{member.Name}",
                    reason,
                    "Make the setter public or init, mark the member [JsonInclude], give the constructor a parameter of this name, or mark it [JsonIgnore]."
                );
            }
        }

        return null;
    }

    /// <summary>Whether reading sets the member, or fills the object that it has.</summary>
    public static bool IsRead(JsonPropertyInfo member, JsonTypeInfo contract)
    {
        if (member.Set is not null || member.AssociatedParameter is not null || member.IsExtensionData)
        {
            return true;
        }

        JsonObjectCreationHandling handling =
            member.ObjectCreationHandling
            ?? contract.PreferredPropertyObjectCreationHandling
            ?? contract.Options.PreferredObjectCreationHandling;
        return member.Get is not null
            && handling == JsonObjectCreationHandling.Populate
            && member.PropertyType is { IsValueType: false, IsArray: false }
            && member.PropertyType != typeof(string);
    }

    private static bool IsIgnored(JsonPropertyInfo member) =>
        member.AttributeProvider?.IsDefined(typeof(JsonIgnoreAttribute), inherit: true) == true;

    /// <summary>Whether a member that is only written has data of its own, and is not computed.</summary>
    private static bool IsData(JsonPropertyInfo member, [NotNullWhen(true)] out string? reason)
    {
        reason = member.AttributeProvider switch
        {
            FieldInfo => "is a read-only field, which is written and not read",
            PropertyInfo { SetMethod: not null } => "has a setter that is not public, so that it is written and not read",
            // The compiler writes the getter only of a property that it also gives a field.
            PropertyInfo { GetMethod: { } getter } when getter.IsDefined(typeof(CompilerGeneratedAttribute)) =>
                "has no setter, so that it is written and not read",
            _ => null,
        };
        return reason is not null;
    }

    private static bool IsOf(JsonPropertyInfo member, FieldInfo field) =>
        member.AttributeProvider is FieldInfo known && string.Equals(known.Name, field.Name, StringComparison.Ordinal);

    /// <summary>The place, with the type of what is there.</summary>
    public static string Subject(Type type, string place) =>
        string.Equals(place, type.ToString(), StringComparison.Ordinal) ? place : $"{place}, a {type},";

    [UnconditionalSuppressMessage("Trimming", "IL2070", Justification = "A field that reflection does not show is not noticed.")]
    private static FieldInfo[] PublicFields(Type type) => type.GetFields(BindingFlags.Instance | BindingFlags.Public);

    [UnconditionalSuppressMessage("Trimming", "IL2070", Justification = "A field that reflection does not show is not noticed.")]
    private static bool HasFields(Type? type)
    {
        // A struct has fields also where reflection shows none.
        bool has = type?.IsValueType == true;
        for (; type is not null && !has; type = type.BaseType)
        {
            has = type.GetFields(Own).Length > 0;
        }

        return has;
    }
}
