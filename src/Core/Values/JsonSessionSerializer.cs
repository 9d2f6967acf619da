using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace WorkflowSessions;

/// <summary>The default serializer: System.Text.Json, by the declared type, without type names in the data. Thread-safe.</summary>
public sealed class JsonSessionSerializer : ISessionSerializer
{
    private readonly JsonSerializerOptions _options;

    /// <summary>Serializes with the default options of System.Text.Json.</summary>
    /// <remarks>
    /// Where reflection is off, as in a native application, give options with a source-generated
    /// <see cref="JsonSerializerOptions.TypeInfoResolver"/> instead.
    /// </remarks>
    public JsonSessionSerializer()
        : this(DefaultOptions()) { }

    /// <summary>Serializes with options of the application's.</summary>
    /// <param name="options">The options, which become read-only. Their resolver, for one, may be source-generated.</param>
    /// <exception cref="ArgumentNullException"><paramref name="options"/> is null.</exception>
    public JsonSessionSerializer(JsonSerializerOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        _options = options;
    }

    /// <inheritdoc />
    public void Serialize(object value, Type type, IBufferWriter<byte> writer)
    {
        using Utf8JsonWriter json = new(writer);
        JsonSerializer.Serialize(json, value, _options.GetTypeInfo(type));
    }

    /// <inheritdoc />
    public object? Deserialize(ReadOnlyMemory<byte> payload, Type type)
    {
        if (type == typeof(object))
        {
            using JsonDocument document = JsonDocument.Parse(payload);
            return Materialize(document.RootElement);
        }

        return JsonSerializer.Deserialize(payload.Span, _options.GetTypeInfo(type));
    }

    private static object? Materialize(JsonElement json) =>
        json.ValueKind switch
        {
            JsonValueKind.Object => MaterializeObject(json),
            JsonValueKind.Array => MaterializeArray(json),
            JsonValueKind.String => json.GetString(),
            JsonValueKind.Number => json.TryGetInt64(out long integer) ? integer : json.GetDouble(),
            JsonValueKind.True => true,
            JsonValueKind.False => false,
            _ => null,
        };

    private static Dictionary<string, object?> MaterializeObject(JsonElement json)
    {
        Dictionary<string, object?> properties = new(StringComparer.Ordinal);
        foreach (JsonProperty property in json.EnumerateObject())
        {
            // Of a name that is there twice the last counts, as for a class.
            properties[property.Name] = Materialize(property.Value);
        }

        return properties;
    }

    private static List<object?> MaterializeArray(JsonElement json)
    {
        List<object?> items = new(json.GetArrayLength());
        foreach (JsonElement item in json.EnumerateArray())
        {
            items.Add(Materialize(item));
        }

        return items;
    }

    [UnconditionalSuppressMessage("Trimming", "IL2026", Justification = "Only where the application has not switched reflection off.")]
    [UnconditionalSuppressMessage("AOT", "IL3050", Justification = "Only where the application has not switched reflection off.")]
    private static JsonSerializerOptions DefaultOptions() =>
        new()
        {
            TypeInfoResolver = JsonSerializer.IsReflectionEnabledByDefault
                ? new DefaultJsonTypeInfoResolver()
                : JsonTypeInfoResolver.Combine(),
        };
}
