namespace WorkflowSessions;

/// <summary>The right of one request to complete a workflow, until it runs out. Immutable.</summary>
/// <param name="id">Tells this claim from others of the same workflow: random.</param>
/// <param name="endsAt">When it runs out.</param>
public sealed class WorkflowClaim(long id, DateTimeOffset endsAt)
{
    /// <summary>Tells this claim from others of the same workflow: random.</summary>
    public long Id { get; } = id;

    /// <summary>When it runs out. Others may change or complete the workflow from then on.</summary>
    public DateTimeOffset EndsAt { get; } = endsAt;
}
