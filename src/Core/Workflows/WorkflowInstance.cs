using System.Buffers.Text;
using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;

namespace WorkflowSessions;

/// <summary>The ids of instances: of a workflow that a user may have several times in one session, as in two tabs.</summary>
/// <remarks>
/// <para>
/// An instance is an ordinary workflow. Its id is <c>{workflow id}~{instance id}</c>. The instance id is base64url of 9 random bytes: 12 characters without
/// padding. The length is fixed, so no two pairs of workflow id and instance id share an id, whatever characters they hold.
/// </para>
/// <para>
/// Every id that ends in <c>~</c> and 12 such characters names an instance, also where it is opened by its whole id: <c>a~bbbbbbbbbbbb</c> is the instance
/// <c>bbbbbbbbbbbb</c> of <c>a</c>. Thread-safe.
/// </para>
/// </remarks>
public static class WorkflowInstance
{
    private const char Separator = '~';
    private const int RandomBytes = 9;
    private const int SuffixLength = 1 + (RandomBytes / 3 * 4);

    internal const int MaxWorkflowIdLength = NameRules.MaxWorkflowIdLength - SuffixLength;

    /// <summary>Makes the id of a new instance, which nobody can guess. Nothing is stored by this.</summary>
    /// <param name="workflowId">1 to 115 UTF-16 units, well formed.</param>
    /// <returns>The id to open the instance by.</returns>
    /// <exception cref="ArgumentException"><paramref name="workflowId"/> is null, empty, too long or has a lone surrogate.</exception>
    public static string NewId(string workflowId)
    {
        NameRules.ThrowIfInvalidWorkflowIdOfInstances(workflowId);
        return $"{workflowId}{Separator}{Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(RandomBytes))}";
    }

    /// <summary>The id of an instance that a client names, as in a route, a form or a query.</summary>
    /// <param name="workflowId">1 to 115 UTF-16 units, well formed.</param>
    /// <param name="instanceId">The instance id, from anybody.</param>
    /// <returns>The id to open the instance by; null when <paramref name="instanceId"/> is null or is no instance id.</returns>
    /// <exception cref="ArgumentException"><paramref name="workflowId"/> is null, empty, too long or has a lone surrogate.</exception>
    public static string? IdOf(string workflowId, string? instanceId)
    {
        NameRules.ThrowIfInvalidWorkflowIdOfInstances(workflowId);
        return instanceId?.Length == SuffixLength - 1 && IsBase64Url(instanceId) ? $"{workflowId}{Separator}{instanceId}" : null;
    }

    /// <summary>The instances of one workflow among those of a session, as <see cref="ISessionStore.ListAsync"/> names them.</summary>
    /// <param name="workflowId">1 to 115 UTF-16 units, well formed, compared ordinally.</param>
    /// <param name="workflows">The workflows of the session.</param>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    /// <exception cref="ArgumentException"><paramref name="workflowId"/> is empty, too long or has a lone surrogate.</exception>
    public static IReadOnlyList<WorkflowSummary> Of(string workflowId, IEnumerable<WorkflowSummary> workflows)
    {
        NameRules.ThrowIfInvalidWorkflowIdOfInstances(workflowId);
        ArgumentNullException.ThrowIfNull(workflows);
        return
        [
            .. workflows.Where(one =>
                TryParse(one.Id, out string? ofWorkflow, out _) && string.Equals(ofWorkflow, workflowId, StringComparison.Ordinal)
            ),
        ];
    }

    /// <summary>Whether an id names an instance, and which.</summary>
    internal static bool TryParse(string id, [NotNullWhen(true)] out string? workflowId, [NotNullWhen(true)] out string? instanceId)
    {
        int separator = id.Length - SuffixLength;
        if (separator > 0 && id[separator] == Separator && IsBase64Url(id.AsSpan(separator + 1)))
        {
            workflowId = id[..separator];
            instanceId = id[(separator + 1)..];
            return true;
        }

        (workflowId, instanceId) = (null, null);
        return false;
    }

    private static bool IsBase64Url(ReadOnlySpan<char> text)
    {
        foreach (char c in text)
        {
            if (!char.IsAsciiLetterOrDigit(c) && c is not ('-' or '_'))
            {
                return false;
            }
        }

        return true;
    }
}
