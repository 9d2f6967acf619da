namespace WorkflowSessions.Redis;

/// <summary>
/// The metadata of the workflows of a session as they were seen last. Most commits find them unchanged. A request uses one or two workflows, so a list serves
/// better than a dictionary. Thread-safe.
/// </summary>
internal sealed class SeenWorkflows
{
    private readonly Lock _lock = new();
    private Seen? _first;

    /// <returns>Null when the workflow was not seen, or not there.</returns>
    public WorkflowMetadata? Find(string workflowId)
    {
        lock (_lock)
        {
            return FindLocked(workflowId)?.Metadata;
        }
    }

    /// <param name="workflowId">The id of the workflow.</param>
    /// <param name="metadata">Its metadata; null when they are not known any more.</param>
    public void Set(string workflowId, WorkflowMetadata? metadata)
    {
        lock (_lock)
        {
            if (FindLocked(workflowId) is { } seen)
            {
                seen.Metadata = metadata;
            }
            else if (metadata is not null)
            {
                _first = new Seen(workflowId, metadata, _first);
            }
        }
    }

    private Seen? FindLocked(string workflowId)
    {
        Seen? seen = _first;
        while (seen is not null && !string.Equals(seen.WorkflowId, workflowId, StringComparison.Ordinal))
        {
            seen = seen.Next;
        }

        return seen;
    }

    private sealed class Seen(string workflowId, WorkflowMetadata? metadata, Seen? next)
    {
        public string WorkflowId => workflowId;

        public WorkflowMetadata? Metadata { get; set; } = metadata;

        public Seen? Next => next;
    }
}
