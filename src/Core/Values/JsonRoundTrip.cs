using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace WorkflowSessions;

/// <summary>Compares a value and its copy by what a stricter System.Text.Json writes of both.</summary>
/// <remarks>It also notices what both would write alike: lone surrogates, comparers, and objects without data behind a member of type object.</remarks>
internal sealed class JsonRoundTrip
{
    [ThreadStatic]
    private static List<object>? _comparers;

    private readonly JsonSerializerOptions _options;
    private readonly JsonSerializerOptions _strict;
    private readonly Comparers _known;

    public JsonRoundTrip(JsonSerializerOptions options)
    {
        _options = options;
        _known = new Comparers(options);
        _strict = new JsonSerializerOptions(options)
        {
            TypeInfoResolver = options.TypeInfoResolver!.WithAddedModifier(MakeStrict),
            Encoder = new WellFormedEncoder(options.Encoder ?? JavaScriptEncoder.Default),
        };
    }

    /// <exception cref="UnstorableValueException">The copy is not as the value.</exception>
    public void Verify(object value, object copy, Type type)
    {
        (byte[] first, List<object> comparers) = Write(value, type);
        (byte[] second, List<object> comparersOfCopy) = Write(copy, type);
        if (!Comparers.AreEqual(comparers, comparersOfCopy))
        {
            throw new UnstorableValueException(
                new(
                    type.ToString(),
                    "has a dictionary or a set with a comparer of its own, which is not stored",
                    "Create the collection with its comparer in the initializer of a property that is marked "
                        + "[JsonObjectCreationHandling(JsonObjectCreationHandling.Populate)], or create it anew from the one that was read."
                )
            );
        }

        if (first.AsSpan().SequenceEqual(second))
        {
            return;
        }

        using JsonDocument written = JsonDocument.Parse(first, Depth);
        using JsonDocument rewritten = JsonDocument.Parse(second, Depth);
        // The order of a dictionary is no part of it. A member that depends on the clock is another each time.
        if (!JsonElement.DeepEquals(written.RootElement, rewritten.RootElement) && first.AsSpan().SequenceEqual(Write(value, type).Json))
        {
            throw new UnstorableValueException(RoundTrip.Changed(Place(type, written.RootElement, rewritten.RootElement)));
        }
    }

    private JsonDocumentOptions Depth => new() { MaxDepth = _options.MaxDepth };

    private (byte[] Json, List<object> Comparers) Write(object value, Type type)
    {
        _comparers = [];
        try
        {
            return (JsonSerializer.SerializeToUtf8Bytes(value, _strict.GetTypeInfo(type)), _comparers);
        }
        finally
        {
            _comparers = null;
        }
    }

    /// <summary>The type, with the first of its members that differs. The names in a dictionary are data, and stay out of messages.</summary>
    private string Place(Type type, JsonElement written, JsonElement rewritten)
    {
        if (_options.GetTypeInfo(type).Kind == JsonTypeInfoKind.Object && rewritten.ValueKind == JsonValueKind.Object)
        {
            foreach (JsonPropertyInfo member in _options.GetTypeInfo(type).Properties)
            {
                bool isThere = written.TryGetProperty(member.Name, out JsonElement before);
                bool comesBack = rewritten.TryGetProperty(member.Name, out JsonElement after);
                if (isThere != comesBack || (isThere && !JsonElement.DeepEquals(before, after)))
                {
                    return $"{type}.{member.Name}";
                }
            }
        }

        return type.ToString();
    }

    private void MakeStrict(JsonTypeInfo contract)
    {
        Type type = contract.Type;
        if (contract.Kind == JsonTypeInfoKind.None || ContractCheck.IsTrusted(contract) || Nullable.GetUnderlyingType(type) is not null)
        {
            return;
        }

        bool isObject = contract.Kind == JsonTypeInfoKind.Object;
        ContractProblem? problem = isObject
            ? ObjectRules.Unwritten(contract, $"{type}") ?? ObjectRules.Opaque(contract, $"{type}")
            : CollectionRules.Unwritten(contract, $"{type}");
        if (problem is not null)
        {
            // Not at once: nothing of the type may be written.
            contract.OnSerializing += _ => throw new UnstorableValueException(problem);
        }
        else if (isObject)
        {
            IgnoreComputed(contract);
        }
        else if (Comparers.MayHaveOne(contract))
        {
            contract.OnSerializing += value => _known.AddTo(_comparers, value);
        }
    }

    /// <summary>Computed members may be of types that nobody could read.</summary>
    private void IgnoreComputed(JsonTypeInfo contract)
    {
        foreach (JsonPropertyInfo member in contract.Properties)
        {
            if (
                member.Get is not null
                && !ObjectRules.IsRead(member, contract)
                && member.CustomConverter is null
                && new ContractCheck(_options).Find(member.PropertyType) is not null
            )
            {
                member.Get = null;
            }
        }
    }
}
