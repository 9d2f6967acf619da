namespace WorkflowSessions;

/// <summary>
/// The options of single workflows and of groups, by id and by the prefix of their ids. Those of a single workflow go before those of its group. An instance
/// has those of its workflow, unless it has options of its own.
/// </summary>
internal sealed class WorkflowOptionsTable
{
    private readonly Dictionary<string, WorkflowOptions> _workflows = new(StringComparer.Ordinal);
    private readonly Dictionary<string, WorkflowOptions> _groups = new(StringComparer.Ordinal);

    /// <summary>All options, each with what it is of, for a message.</summary>
    public IEnumerable<(string Of, WorkflowOptions Options)> All =>
        _workflows
            .Select(one => ($" of workflow '{new Printable(one.Key)}'", one.Value))
            .Concat(_groups.Select(group => ($" of workflows '{new Printable(group.Key)}*'", group.Value)));

    public bool Has(string workflowId) => _workflows.ContainsKey(workflowId);

    public WorkflowOptions? Find(string id)
    {
        if (_workflows.TryGetValue(id, out WorkflowOptions? options))
        {
            return options;
        }

        return WorkflowInstance.TryParse(id, out string? workflowId, out _) && _workflows.TryGetValue(workflowId, out options)
            ? options
            : FindGroup(workflowId ?? id);
    }

    private WorkflowOptions? FindGroup(string workflowId)
    {
        foreach ((string prefix, WorkflowOptions group) in _groups)
        {
            if (workflowId.StartsWith(prefix, StringComparison.Ordinal))
            {
                return group;
            }
        }

        return null;
    }

    /// <summary>The options of one workflow, which begin as the given ones.</summary>
    public WorkflowOptions Workflow(string workflowId, WorkflowOptions defaults) =>
        _workflows.TryGetValue(workflowId, out WorkflowOptions? options) ? options : _workflows[workflowId] = defaults;

    /// <summary>The options of a group, which begin as the given ones.</summary>
    /// <exception cref="ArgumentException">The pattern is no prefix and an asterisk, or a workflow would fit two patterns.</exception>
    public WorkflowOptions Group(string pattern, WorkflowOptions defaults)
    {
        string prefix = pattern.EndsWith('*') ? pattern[..^1] : "";
        if (prefix.Length == 0 || prefix.Contains('*', StringComparison.Ordinal))
        {
            throw new ArgumentException(
                $"The pattern '{new Printable(pattern)}' must be the beginning of the ids and one asterisk at the end, as 'import-*'. "
                    + "Use Workflow() for one workflow, and the options of the store for all.",
                nameof(pattern)
            );
        }

        NameRules.ThrowIfInvalidWorkflowId(prefix);
        if (_groups.TryGetValue(prefix, out WorkflowOptions? options))
        {
            return options;
        }

        foreach (string other in _groups.Keys)
        {
            if (prefix.StartsWith(other, StringComparison.Ordinal) || other.StartsWith(prefix, StringComparison.Ordinal))
            {
                throw new ArgumentException(
                    $"The patterns '{new Printable(other)}*' and '{new Printable(pattern)}' fit the same workflows. Choose patterns of which no two fit one id.",
                    nameof(pattern)
                );
            }
        }

        return _groups[prefix] = defaults;
    }
}
