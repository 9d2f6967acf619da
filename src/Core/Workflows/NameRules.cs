using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace WorkflowSessions;

/// <summary>What every store accepts as the id of a workflow and as a key: length, and well-formed UTF-16.</summary>
internal static class NameRules
{
    public const int MaxWorkflowIdLength = 128;
    public const int MaxKeyLength = 256;

    public static void ThrowIfInvalidWorkflowId(
        [NotNull] string? workflowId,
        [CallerArgumentExpression(nameof(workflowId))] string? parameter = null
    )
    {
        if (MayBeInvalid(workflowId, MaxWorkflowIdLength))
        {
            ThrowIfInvalid(workflowId, MaxWorkflowIdLength, "workflow id", parameter);
        }
    }

    /// <summary>The id of an instance must fit behind it.</summary>
    public static void ThrowIfInvalidWorkflowIdOfInstances(
        [NotNull] string? workflowId,
        [CallerArgumentExpression(nameof(workflowId))] string? parameter = null
    )
    {
        if (MayBeInvalid(workflowId, WorkflowInstance.MaxWorkflowIdLength))
        {
            ThrowIfInvalid(workflowId, WorkflowInstance.MaxWorkflowIdLength, "workflow id of an instance", parameter);
        }
    }

    public static void ThrowIfInvalidKey([NotNull] string? key, [CallerArgumentExpression(nameof(key))] string? parameter = null)
    {
        if (MayBeInvalid(key, MaxKeyLength))
        {
            ThrowIfInvalid(key, MaxKeyLength, "key", parameter);
        }
    }

    /// <summary>Two ids that differ in a lone surrogate would be one session where the id is hashed as UTF-8.</summary>
    public static void ThrowIfInvalidSessionId(
        [NotNull] string? sessionId,
        [CallerArgumentExpression(nameof(sessionId))] string? parameter = null
    )
    {
        ArgumentException.ThrowIfNullOrEmpty(sessionId, parameter);
        if (IndexOfLoneSurrogate(sessionId) >= 0)
        {
            throw new ArgumentException("The session id has a lone surrogate. Use well-formed text.", parameter);
        }
    }

    public static bool IsValidWorkflowId(string workflowId) =>
        workflowId.Length is > 0 and <= MaxWorkflowIdLength && IndexOfLoneSurrogate(workflowId) < 0;

    /// <summary>The quick answer, which every read of a value waits for: no for nearly every valid name.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool MayBeInvalid([NotNullWhen(false)] string? name, int maxLength) =>
        name is null || (uint)(name.Length - 1) >= (uint)maxLength || name.AsSpan().ContainsAnyInRange('\uD800', '\uDFFF');

    private static void ThrowIfInvalid([NotNull] string? name, int maxLength, string what, string? parameter)
    {
        ArgumentNullException.ThrowIfNull(name, parameter);
        if (name.Length == 0)
        {
            throw new ArgumentException($"The {what} is empty. Use 1 to {maxLength} UTF-16 units.", parameter);
        }

        if (name.Length > maxLength)
        {
            throw new ArgumentException(
                $"The {what} has {name.Length} UTF-16 units. Use 1 to {maxLength}; a hash of a longer name fits.",
                parameter
            );
        }

        if (IndexOfLoneSurrogate(name) is >= 0 and int index)
        {
            throw new ArgumentException(
                $"The {what} has a lone surrogate at index {index}; once stored as UTF-8 it could not be told from another. Use well-formed text.",
                parameter
            );
        }
    }

    public static int IndexOfLoneSurrogate(ReadOnlySpan<char> name)
    {
        for (int i = 0; i < name.Length; i++)
        {
            if (!char.IsSurrogate(name[i]))
            {
                continue;
            }

            if (i + 1 == name.Length || !char.IsSurrogatePair(name[i], name[i + 1]))
            {
                return i;
            }

            i++;
        }

        return -1;
    }
}
