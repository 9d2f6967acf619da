using System.Runtime.InteropServices;

namespace WorkflowSessions;

/// <summary>Encodes and decodes the values of a workflow. Its errors name the workflow and the key.</summary>
[StructLayout(LayoutKind.Auto)]
internal readonly struct EntryCodec(string workflowId, ISessionSerializer serializer, bool verifies)
{
    /// <exception cref="WorkflowValueException">The value can't be stored.</exception>
    public byte[] Encode(string key, object? value, Type type)
    {
        try
        {
            byte[] encoded = ValueCodec.Encode(value, type, serializer);
            if (encoded[0] == ValueCodec.ObjectKind && (verifies || (serializer is JsonSessionSerializer && MayHaveLostText(encoded))))
            {
                RoundTrip.Verify(value!, type == typeof(object) ? value!.GetType() : type, encoded.AsMemory(1), serializer);
            }

            return encoded;
        }
        catch (Exception error)
        {
            throw WorkflowValueException.NotStorable(workflowId, key, value!.GetType(), error);
        }
    }

    /// <exception cref="WorkflowValueException">The value can't be read as the type.</exception>
    public object? Decode(string key, WorkflowEntry entry, Type type)
    {
        ReadOnlyMemory<byte> encoded = entry.Encoded;
        if (!encoded.IsEmpty && encoded.Span[0] == ValueCodec.ObjectKind)
        {
            try
            {
                return serializer.Deserialize(encoded[1..], type);
            }
            catch (Exception error)
            {
                throw WorkflowValueException.NotReadable(workflowId, key, type, error);
            }
        }

        if (!ValueCodec.TryDecode(encoded.Span, out object? value))
        {
            throw WorkflowValueException.NotReadable(workflowId, key, type, innerException: null);
        }

        // A scalar can't be changed by who gets it, so all may have the same; of bytes everybody gets a copy.
        if (value is not byte[])
        {
            entry.Decoded = value;
        }

        return value;
    }

    /// <summary>Whether there is a U+FFFD, which JSON also has in place of a lone surrogate.</summary>
    private static bool MayHaveLostText(ReadOnlySpan<byte> json) => json.IndexOf("\\uFFFD"u8) >= 0 || json.IndexOf("\uFFFD"u8) >= 0;
}
