using System.Buffers;
using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace WorkflowSessions;

/// <summary>The default serializer: System.Text.Json, by the declared type, without type names in the data. Thread-safe.</summary>
/// <remarks>
/// It refuses types of which System.Text.Json would lose something, as tuples, or which it could write and not read. Each type is checked once. Types with a
/// converter of the application's are not checked.
/// </remarks>
public sealed class JsonSessionSerializer : ISessionSerializer
{
    private readonly JsonSerializerOptions _options;
    private readonly JsonWriterOptions _writing;
    private readonly JsonDocumentOptions _reading;
    private readonly ConcurrentDictionary<Type, CheckedType> _types = new();
    private readonly Func<Type, CheckedType> _check;

    /// <summary>Serializes with the default options of System.Text.Json, but for constructor parameters without a default: those must be in the data.</summary>
    /// <remarks>
    /// Where reflection is off, as in a native application, give options with a source-generated
    /// <see cref="JsonSerializerOptions.TypeInfoResolver"/> instead.
    /// </remarks>
    public JsonSessionSerializer()
        : this(
            new JsonSerializerOptions
            {
                TypeInfoResolver = JsonSerializer.IsReflectionEnabledByDefault ? ReflectionResolver() : JsonTypeInfoResolver.Combine(),
                RespectRequiredConstructorParameters = true,
            }
        ) { }

    /// <summary>Serializes with options of the application's.</summary>
    /// <param name="options">
    /// The options, which become read-only. Those without a <see cref="JsonSerializerOptions.TypeInfoResolver"/> are copied, and the copy uses reflection.
    /// </param>
    /// <exception cref="ArgumentNullException"><paramref name="options"/> is null.</exception>
    /// <exception cref="ArgumentException">
    /// <paramref name="options"/> have no <see cref="JsonSerializerOptions.TypeInfoResolver"/>, and the application has switched reflection off.
    /// </exception>
    public JsonSessionSerializer(JsonSerializerOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        _options = options.TypeInfoResolver is null ? WithReflection(options) : options;
        _writing = new JsonWriterOptions
        {
            Encoder = _options.Encoder,
            Indented = _options.WriteIndented,
            IndentCharacter = _options.IndentCharacter,
            IndentSize = _options.IndentSize,
            NewLine = _options.NewLine,
            MaxDepth = _options.MaxDepth,
            SkipValidation = true,
        };
        _reading = new JsonDocumentOptions
        {
            AllowTrailingCommas = _options.AllowTrailingCommas,
            AllowDuplicateProperties = _options.AllowDuplicateProperties,
            CommentHandling = _options.ReadCommentHandling,
            MaxDepth = _options.MaxDepth,
        };
        _check = Check;
    }

    /// <summary>Verifies values that were read back; made when the first is.</summary>
    internal JsonRoundTrip RoundTrip => field ?? (field = new JsonRoundTrip(_options));

    /// <inheritdoc />
    public void Serialize(object value, Type type, IBufferWriter<byte> writer)
    {
        CheckedType contract = _types.GetOrAdd(type, _check);
        if (contract.Problem is { } problem)
        {
            throw new UnstorableValueException(problem);
        }

        using Utf8JsonWriter json = new(writer, _writing);
        JsonSerializer.Serialize(json, value, contract.Info);
    }

    /// <inheritdoc />
    public object? Deserialize(ReadOnlyMemory<byte> payload, Type type)
    {
        if (type == typeof(object))
        {
            using JsonDocument document = JsonDocument.Parse(payload, _reading);
            return UntypedJson.Read(document.RootElement);
        }

        return JsonSerializer.Deserialize(payload.Span, _options.GetTypeInfo(type));
    }

    private CheckedType Check(Type type) => new(_options.GetTypeInfo(type), new ContractCheck(_options).Find(type));

    private static JsonSerializerOptions WithReflection(JsonSerializerOptions options) =>
        JsonSerializer.IsReflectionEnabledByDefault
            ? new JsonSerializerOptions(options) { TypeInfoResolver = ReflectionResolver() }
            : throw new ArgumentException(
                "The options have no TypeInfoResolver, and this application has switched reflection for JSON off. Name a source-generated context: "
                    + "new JsonSessionSerializer(new JsonSerializerOptions { TypeInfoResolver = MyContext.Default }).",
                nameof(options)
            );

    [UnconditionalSuppressMessage("Trimming", "IL2026", Justification = "Only where the application has not switched reflection off.")]
    [UnconditionalSuppressMessage("AOT", "IL3050", Justification = "Only where the application has not switched reflection off.")]
    private static DefaultJsonTypeInfoResolver ReflectionResolver() => new();

    private sealed record CheckedType(JsonTypeInfo Info, ContractProblem? Problem);
}
