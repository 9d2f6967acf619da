using System.Buffers;

namespace WorkflowSessions;

/// <summary>Reads a value back when it is set, for Development and tests: write, read, write again, compare.</summary>
internal static class RoundTrip
{
    /// <exception cref="UnstorableValueException">The value would not come back as it is.</exception>
    public static void Verify(object value, Type type, ReadOnlyMemory<byte> payload, ISessionSerializer serializer)
    {
        object copy = Read(type, payload, serializer);
        if (serializer is JsonSessionSerializer json)
        {
            json.RoundTrip.Verify(value, copy, type);
            return;
        }

        ArrayBufferWriter<byte> again = new();
        serializer.Serialize(copy, type, again);
        if (!again.WrittenSpan.SequenceEqual(payload.Span))
        {
            throw new UnstorableValueException(Changed(type.ToString()));
        }
    }

    public static ContractProblem Changed(string place) =>
        new(
            place,
            "is another value when it is read back and written again",
            "Look for data that is written and not read, as a collection behind a get-only property, or that is read as another value."
        );

    private static object Read(Type type, ReadOnlyMemory<byte> payload, ISessionSerializer serializer)
    {
        try
        {
            return serializer.Deserialize(payload, type) ?? throw new UnstorableValueException(Changed(type.ToString()));
        }
        catch (Exception error) when (error is not UnstorableValueException)
        {
            throw new UnstorableValueException(
                new(type.ToString(), $"can't be read back ({error.GetType().Name})", "Set a type that the serializer can write and read."),
                error
            );
        }
    }
}
