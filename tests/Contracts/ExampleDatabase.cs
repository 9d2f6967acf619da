using System.Collections.Concurrent;

namespace WorkflowSessions.Contracts;

/// <summary>Stands for an engine with a compare-and-set, and with faults on demand.</summary>
public sealed class ExampleDatabase
{
    private readonly ConcurrentDictionary<(string Session, string Workflow), WorkflowRecord> _workflows = new();

    /// <summary>Called before a read; an exception means that it fails.</summary>
    public Action BeforeRead { get; set; } = () => { };

    /// <summary>Called before a write takes place; an exception means that it does not.</summary>
    public Func<Task> BeforeWrite { get; set; } = () => Task.CompletedTask;

    /// <summary>Called when a write has taken place; an exception means that its reply is lost.</summary>
    public Func<Task> AfterWrite { get; set; } = () => Task.CompletedTask;

    public IEnumerable<(string Workflow, WorkflowRecord Record)> OfSession(string session) =>
        _workflows
            .Where(workflow => string.Equals(workflow.Key.Session, session, StringComparison.Ordinal))
            .Select(workflow => (workflow.Key.Workflow, workflow.Value));

    public WorkflowRecord? Read(string session, string workflow)
    {
        BeforeRead();
        return _workflows.GetValueOrDefault((session, workflow));
    }

    /// <summary>Replaces what is stored if it is still what the caller read; null stands for absent.</summary>
    public async ValueTask<bool> ReplaceAsync(string session, string workflow, WorkflowRecord? read, WorkflowRecord? next)
    {
        await BeforeWrite();
        bool replaced = (read, next) switch
        {
            (null, null) => !_workflows.ContainsKey((session, workflow)),
            (null, not null) => _workflows.TryAdd((session, workflow), next),
            (not null, null) => _workflows.TryRemove(new KeyValuePair<(string, string), WorkflowRecord>((session, workflow), read)),
            (not null, not null) => _workflows.TryUpdate((session, workflow), next, read),
        };
        await AfterWrite();
        return replaced;
    }
}
