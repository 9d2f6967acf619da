namespace WorkflowSessions.Contracts;

/// <summary>The smallest complete store: it reads, applies the commit, and writes if nobody wrote meanwhile. Broken ones derive from it.</summary>
public class ExampleSessionStore(ExampleDatabase database, string sessionId, BufferedSessionStoreOptions options)
    : BufferedSessionStore(options)
{
    private readonly TimeProvider _clock = options.TimeProvider;

    public override SessionStoreCapabilities Capabilities { get; } =
        new()
        {
            AtomicCommit = true,
            VersionCheck = true,
            Listing = true,
            ExpiryPerWorkflow = true,
            Completion = true,
        };

    protected override string SessionHash => HashSessionId(sessionId);

    protected ExampleDatabase Database => database;

    protected string SessionId => sessionId;

    protected DateTimeOffset Now => _clock.GetUtcNow();

    protected override ValueTask<WorkflowRecord?> LoadWorkflowAsync(string workflowId, CancellationToken cancellationToken) =>
        ValueTask.FromResult(Live(database.Read(sessionId, workflowId)));

    protected override async ValueTask<WorkflowRecord> RenewWorkflowAsync(
        string workflowId,
        WorkflowRecord loaded,
        TimeSpan? idleTimeout,
        CancellationToken cancellationToken
    )
    {
        WorkflowRecord? stored;
        do
        {
            stored = database.Read(sessionId, workflowId);
        } while (Live(stored) is { } live && !await database.ReplaceAsync(sessionId, workflowId, stored, live.Renew(Now, idleTimeout)));
        return loaded.Renew(Now, idleTimeout);
    }

    protected override async ValueTask<CommitResult> CommitWorkflowAsync(WorkflowCommit commit, CancellationToken cancellationToken)
    {
        while (true)
        {
            WorkflowRecord? stored = database.Read(sessionId, commit.WorkflowId);
            CommitResult result = commit.Apply(Live(stored), Now, out WorkflowRecord? next);
            if (result.Outcome != CommitOutcome.Stored || await database.ReplaceAsync(sessionId, commit.WorkflowId, stored, next))
            {
                return result;
            }
        }
    }

    protected override ValueTask<IReadOnlyList<WorkflowSummary>> ListWorkflowsAsync(CancellationToken cancellationToken) =>
        ValueTask.FromResult<IReadOnlyList<WorkflowSummary>>([
            .. database
                .OfSession(sessionId)
                .Where(workflow => Live(workflow.Record) is { Entries.Count: > 0 })
                .Select(workflow => new WorkflowSummary(workflow.Workflow, workflow.Record.ExpiresAt)),
        ]);

    protected override async ValueTask EndWorkflowsAsync(CancellationToken cancellationToken)
    {
        await RemoveAsync(SessionSecret.WorkflowId);
        foreach ((string workflow, _) in database.OfSession(sessionId).ToList())
        {
            await RemoveAsync(workflow);
        }
    }

    private async ValueTask RemoveAsync(string workflow)
    {
        WorkflowRecord? stored;
        do
        {
            stored = database.Read(sessionId, workflow);
        } while (stored is not null && !await database.ReplaceAsync(sessionId, workflow, stored, next: null));
    }

    protected WorkflowRecord? Live(WorkflowRecord? record) => record?.ExpiresAt <= Now ? null : record;
}
