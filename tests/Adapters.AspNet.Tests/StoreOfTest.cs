using System.Collections.Concurrent;
using WorkflowSessions.Contracts;

namespace WorkflowSessions.AspNetCore.Tests;

/// <summary>A store that keeps what it is asked, and waits or fails when a test wants it.</summary>
internal sealed class StoreOfTest : ISessionStoreFactory
{
    private readonly ExampleDatabase _database = new();

    /// <summary>The calls, as "load checkout", without their sessions.</summary>
    public ConcurrentQueue<string> Calls { get; } = new();

    /// <summary>The sessions that were opened.</summary>
    public ConcurrentQueue<string> Sessions { get; } = new();

    /// <summary>The workflows whose idle time was renewed.</summary>
    public ConcurrentQueue<string> Renewals { get; } = new();

    /// <summary>The keys that each commit set, as "checkout: step".</summary>
    public ConcurrentQueue<string> Written { get; } = new();

    /// <summary>Called before each call with its text; it may wait or throw.</summary>
    public Func<string, Task> Before { get; set; } = _ => Task.CompletedTask;

    public BufferedSessionStoreOptions Options { get; } = new();

    /// <summary>Every commit fails from now on, and is certainly not stored.</summary>
    public void FailCommits() =>
        Before = call =>
            call.StartsWith("commit", StringComparison.Ordinal)
                ? Task.FromException(new SessionStoreException("The store is down.", "checkout", mayBeStored: false))
                : Task.CompletedTask;

    public BufferedSessionStore Open(string sessionId)
    {
        Sessions.Enqueue(sessionId);
        return new Store(this, sessionId);
    }

    private async Task CallAsync(string call)
    {
        Calls.Enqueue(call);
        await Before(call);
    }

    private sealed class Store(StoreOfTest test, string sessionId) : ExampleSessionStore(test._database, sessionId, test.Options)
    {
        protected override async ValueTask<WorkflowRecord?> LoadWorkflowAsync(string workflowId, CancellationToken cancellationToken)
        {
            await test.CallAsync($"load {workflowId}");
            return await base.LoadWorkflowAsync(workflowId, cancellationToken);
        }

        protected override ValueTask<WorkflowRecord> RenewWorkflowAsync(
            string workflowId,
            WorkflowRecord loaded,
            TimeSpan? idleTimeout,
            CancellationToken cancellationToken
        )
        {
            test.Renewals.Enqueue(workflowId);
            return base.RenewWorkflowAsync(workflowId, loaded, idleTimeout, cancellationToken);
        }

        protected override async ValueTask<CommitResult> CommitWorkflowAsync(WorkflowCommit commit, CancellationToken cancellationToken)
        {
            await test.CallAsync($"commit {commit.WorkflowId}");
            test.Written.Enqueue($"{commit.WorkflowId}: {string.Join(' ', commit.Sets.Keys)}");
            return await base.CommitWorkflowAsync(commit, cancellationToken);
        }
    }
}
