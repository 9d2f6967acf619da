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

    /// <summary>The id of the workflow, with the instance where it is one.</summary>
    public string Id { get; }

    /// <summary>The id of the workflow without the instance; the whole <see cref="Id"/> where it names no instance.</summary>
    public string WorkflowId => WorkflowInstance.TryParse(Id, out string? workflowId, out _) ? workflowId : Id;

    /// <summary>Which instance of <see cref="WorkflowId"/> it is; null where it is no instance. See <see cref="WorkflowInstance"/>.</summary>
    public string? InstanceId => WorkflowInstance.TryParse(Id, out _, out string? instanceId) ? instanceId : null;

    /// <summary>When the workflow expires unless it is used again; null on a store without expiry.</summary>
    public DateTimeOffset? ExpiresAt { get; }
}
