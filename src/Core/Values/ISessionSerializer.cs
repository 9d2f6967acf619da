using System.Buffers;

namespace WorkflowSessions;

/// <summary>Turns objects and collections into bytes and back, for the stores that keep bytes. Scalars never come here.</summary>
/// <remarks>
/// Implementations are thread-safe and live as long as the application. What was written must be readable by every version of the application
/// that may meet it. The data must not decide which type is created.
/// </remarks>
public interface ISessionSerializer
{
    /// <summary>Writes one value.</summary>
    /// <param name="value">The value, never null.</param>
    /// <param name="type">The declared type; the runtime type where <see cref="object"/> was declared.</param>
    /// <param name="writer">Where to write.</param>
    /// <remarks>Any exception becomes a <see cref="WorkflowValueException"/> of the <c>Set</c> that wanted to store the value.</remarks>
    void Serialize(object value, Type type, IBufferWriter<byte> writer);

    /// <summary>Reads one value.</summary>
    /// <param name="payload">What <see cref="Serialize"/> wrote, perhaps in an earlier version of the application.</param>
    /// <param name="type">The type asked for; <see cref="object"/> asks for dictionaries, lists and scalars.</param>
    /// <remarks>Any exception becomes a <see cref="WorkflowValueException"/> of the one key.</remarks>
    object? Deserialize(ReadOnlyMemory<byte> payload, Type type);
}
