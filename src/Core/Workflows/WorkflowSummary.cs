namespace WorkflowSessions;

/// <summary>One workflow in the list of a session's workflows. Immutable.</summary>
public sealed class WorkflowSummary
{
    /// <summary>Describes one workflow.</summary>
    /// <param name="id">The id of the workflow.</param>
    /// <param name="expiresAt">When it expires unless it is used again; null on a store without expiry.</param>
    /// <exception cref="ArgumentException">The id is null, empty, too long or has a lone surrogate.</exception>
    public WorkflowSummary(string id, DateTimeOffset? expiresAt = null)
    {
        NameRules.ThrowIfInvalidWorkflowId(id);
        Id = id;
        ExpiresAt = expiresAt;
    }

    /// <summary>The id of the workflow.</summary>
    public string Id { get; }

    /// <summary>When the workflow expires unless it is used again; null on a store without expiry.</summary>
    public DateTimeOffset? ExpiresAt { get; }
}
