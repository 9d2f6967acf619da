using WorkflowSessions.Contracts;

namespace WorkflowSessions.Tests;

/// <summary>Stores that break a rule of the commit, and the test of the contract that must tell.</summary>
public sealed class BrokenBufferedStoreTests
{
    private static IEnumerable<TestCaseData> BrokenStores =>
        [
            Case(
                "overwrites the whole workflow",
                nameof(SessionStoreContract.Commit_touches_only_the_keys_that_it_changed),
                (database, id, options) => new Overwriting(database, id, options)
            ),
            Case(
                "ignores the generation",
                nameof(SessionStoreContract.Ended_workflow_does_not_come_back),
                (database, id, options) => new Reviving(database, id, options)
            ),
            Case(
                "ignores the version",
                nameof(SessionStoreContract.Update_runs_again_when_others_committed_meanwhile),
                (database, id, options) => new Unversioned(database, id, options)
            ),
            Case(
                "acknowledges before it stores",
                nameof(SessionStoreContract.Changes_are_seen_by_others_when_they_are_committed_and_not_before),
                (database, id, options) => new Hasty(database, id, options)
            ),
            Case(
                "reads and writes without a lock",
                nameof(SessionStoreContract.Parallel_updates_are_all_counted_and_parallel_commits_all_kept),
                (database, id, options) => new Racing(database, id, options)
            ),
            Case(
                "never expires",
                nameof(SessionStoreContract.Workflow_expires_alone_when_it_is_not_used),
                (database, id, options) => new Eternal(database, id, options)
            ),
            Case(
                "finishes without a claim",
                nameof(SessionStoreContract.Claim_that_ran_out_is_taken_over_with_the_same_key),
                (database, id, options) => new Unclaimed(database, id, options)
            ),
            Case(
                "finishes what others changed",
                nameof(SessionStoreContract.Commit_after_a_claim_ran_out_is_kept_and_a_late_finish_is_refused),
                (database, id, options) => new Unclaimed(database, id, options)
            ),
            Case(
                "commits to a claimed workflow",
                nameof(SessionStoreContract.Others_read_a_claimed_workflow_and_their_commits_are_refused),
                (database, id, options) => new Stateless(database, id, options)
            ),
            Case(
                "commits to a completed workflow",
                nameof(SessionStoreContract.Commit_and_end_of_a_workflow_that_others_completed),
                (database, id, options) => new Stateless(database, id, options)
            ),
            Case(
                "claims another version",
                nameof(SessionStoreContract.Claim_is_refused_when_others_changed_the_entries_since_the_load),
                (database, id, options) => new Greedy(database, id, options)
            ),
            Case(
                "claims what others have claimed",
                nameof(SessionStoreContract.Simultaneous_clicks_have_one_effect_and_equal_receipts),
                (database, id, options) => new Greedy(database, id, options)
            ),
        ];

    [TestCaseSource(nameof(BrokenStores))]
    public async Task Contract_catches_a_store_that(Func<StoreHarness> createHarness, string caughtBy)
    {
        string? failure = await ContractRunner.FailureAsync(createHarness, caughtBy);
        await TestContext.Out.WriteLineAsync(failure);
        Assert.That(failure, Is.Not.Null);
    }

    private static TestCaseData Case(
        string how,
        string caughtBy,
        Func<ExampleDatabase, string, BufferedSessionStoreOptions, BufferedSessionStore> open
    ) => new TestCaseData(() => new ExampleHarness(open), caughtBy).SetArgDisplayNames(how);

    /// <summary>Writes what it loaded with its changes, whatever is stored by then: the blob of a whole session in small.</summary>
    private sealed class Overwriting(ExampleDatabase database, string sessionId, BufferedSessionStoreOptions options)
        : ExampleSessionStore(database, sessionId, options)
    {
        private readonly Dictionary<string, WorkflowRecord?> _loaded = [];

        protected override async ValueTask<WorkflowRecord?> LoadWorkflowAsync(string workflowId, CancellationToken cancellationToken) =>
            _loaded[workflowId] = await base.LoadWorkflowAsync(workflowId, cancellationToken);

        protected override async ValueTask<CommitResult> CommitWorkflowAsync(WorkflowCommit commit, CancellationToken cancellationToken)
        {
            CommitResult result = commit.Apply(_loaded[commit.WorkflowId], Now, out WorkflowRecord? next);
            await Database.ReplaceAsync(SessionId, commit.WorkflowId, Database.Read(SessionId, commit.WorkflowId), next);
            _loaded[commit.WorkflowId] = next;
            return result;
        }
    }

    private sealed class Reviving(ExampleDatabase database, string sessionId, BufferedSessionStoreOptions options)
        : ExampleSessionStore(database, sessionId, options)
    {
        protected override async ValueTask<CommitResult> CommitWorkflowAsync(WorkflowCommit commit, CancellationToken cancellationToken)
        {
            CommitResult result = await base.CommitWorkflowAsync(commit, cancellationToken);
            if (result.Outcome != CommitOutcome.Ended)
            {
                return result;
            }

            WorkflowRecord revived = new(commit.Sets, commit.NewGeneration, 1, commit.Stamp ?? Now, null, Now + commit.IdleTimeout);
            await Database.ReplaceAsync(SessionId, commit.WorkflowId, Database.Read(SessionId, commit.WorkflowId), revived);
            return CommitResult.Stored(revived.Generation, 1, revived.ExpiresAt);
        }
    }

    private sealed class Unversioned(ExampleDatabase database, string sessionId, BufferedSessionStoreOptions options)
        : ExampleSessionStore(database, sessionId, options)
    {
        protected override async ValueTask<CommitResult> CommitWorkflowAsync(WorkflowCommit commit, CancellationToken cancellationToken)
        {
            CommitResult result = await base.CommitWorkflowAsync(commit, cancellationToken);
            if (result.Outcome != CommitOutcome.Changed)
            {
                return result;
            }

            WorkflowRecord stored = Database.Read(SessionId, commit.WorkflowId)!;
            Dictionary<string, WorkflowEntry> entries = new(stored.Entries, StringComparer.Ordinal);
            foreach ((string key, WorkflowEntry value) in commit.Sets)
            {
                entries[key] = value;
            }

            WorkflowRecord next = new(
                entries,
                stored.Generation,
                stored.Version + 1,
                commit.Stamp ?? Now,
                stored.Deadline,
                stored.ExpiresAt
            );
            await Database.ReplaceAsync(SessionId, commit.WorkflowId, stored, next);
            return CommitResult.Stored(next.Generation, next.Version, next.ExpiresAt);
        }
    }

    /// <summary>Stores a commit when the next one comes.</summary>
    private sealed class Hasty(ExampleDatabase database, string sessionId, BufferedSessionStoreOptions options)
        : ExampleSessionStore(database, sessionId, options)
    {
        private WorkflowCommit? _waiting;

        protected override async ValueTask<CommitResult> CommitWorkflowAsync(WorkflowCommit commit, CancellationToken cancellationToken)
        {
            if (_waiting is not null)
            {
                await base.CommitWorkflowAsync(_waiting, cancellationToken);
            }

            _waiting = commit;
            return commit.Apply(Live(Database.Read(SessionId, commit.WorkflowId)), Now, out _);
        }
    }

    private sealed class Racing(ExampleDatabase database, string sessionId, BufferedSessionStoreOptions options)
        : ExampleSessionStore(database, sessionId, options)
    {
        protected override async ValueTask<CommitResult> CommitWorkflowAsync(WorkflowCommit commit, CancellationToken cancellationToken)
        {
            CommitResult result = commit.Apply(Live(Database.Read(SessionId, commit.WorkflowId)), Now, out WorkflowRecord? next);
            await Task.Yield();
            while (
                result.Outcome == CommitOutcome.Stored
                && !await Database.ReplaceAsync(SessionId, commit.WorkflowId, Database.Read(SessionId, commit.WorkflowId), next)
            ) { }

            return result;
        }
    }

    /// <summary>Finishes also when the claim is another's by then, or nobody's.</summary>
    private sealed class Unclaimed(ExampleDatabase database, string sessionId, BufferedSessionStoreOptions options)
        : ExampleSessionStore(database, sessionId, options)
    {
        protected override async ValueTask<CommitResult> CommitWorkflowAsync(WorkflowCommit commit, CancellationToken cancellationToken)
        {
            CommitResult result = await base.CommitWorkflowAsync(commit, cancellationToken);
            if (commit.Kind != WorkflowCommitKind.Finish || result.Outcome == CommitOutcome.Stored)
            {
                return result;
            }

            WorkflowRecord stored = Database.Read(SessionId, commit.WorkflowId)!;
            DateTimeOffset? expiry = Now + commit.ReceiptTimeout;
            WorkflowRecord next = new(new Dictionary<string, WorkflowEntry>(), stored.Generation, stored.Version + 1, Now, expiry, expiry)
            {
                Receipt = commit.Receipt,
            };
            await Database.ReplaceAsync(SessionId, commit.WorkflowId, stored, next);
            return CommitResult.Stored(next.Generation, next.Version, next.ExpiresAt);
        }
    }

    /// <summary>Commits to any workflow as to one that nobody has claimed or completed.</summary>
    private sealed class Stateless(ExampleDatabase database, string sessionId, BufferedSessionStoreOptions options)
        : ExampleSessionStore(database, sessionId, options)
    {
        protected override async ValueTask<CommitResult> CommitWorkflowAsync(WorkflowCommit commit, CancellationToken cancellationToken)
        {
            if (
                commit.Kind != WorkflowCommitKind.Changes
                || Live(Database.Read(SessionId, commit.WorkflowId)) is not { } stored
                || (stored.Claim is null && stored.Receipt is null)
            )
            {
                return await base.CommitWorkflowAsync(commit, cancellationToken);
            }

            WorkflowRecord bare = new(
                stored.Entries,
                stored.Generation,
                stored.Version,
                stored.LastModified,
                stored.Deadline,
                stored.ExpiresAt
            );
            CommitResult result = commit.Apply(bare, Now, out WorkflowRecord? next);
            await Database.ReplaceAsync(SessionId, commit.WorkflowId, stored, next);
            return result;
        }
    }

    /// <summary>Claims whatever is stored, also what this request has not loaded, and what others have claimed.</summary>
    private sealed class Greedy(ExampleDatabase database, string sessionId, BufferedSessionStoreOptions options)
        : ExampleSessionStore(database, sessionId, options)
    {
        protected override async ValueTask<CommitResult> CommitWorkflowAsync(WorkflowCommit commit, CancellationToken cancellationToken)
        {
            CommitResult result = await base.CommitWorkflowAsync(commit, cancellationToken);
            if (commit.Kind != WorkflowCommitKind.Claim || result.Outcome is not (CommitOutcome.Changed or CommitOutcome.Completing))
            {
                return result;
            }

            WorkflowRecord stored = Database.Read(SessionId, commit.WorkflowId)!;
            WorkflowRecord next = new(
                stored.Entries,
                stored.Generation,
                stored.Version + 1,
                stored.LastModified,
                stored.Deadline,
                stored.ExpiresAt
            )
            {
                Claim = new WorkflowClaim(commit.ClaimId!.Value, Now + commit.ClaimTimeout!.Value),
            };
            await Database.ReplaceAsync(SessionId, commit.WorkflowId, stored, next);
            return CommitResult.Stored(next.Generation, next.Version, next.ExpiresAt);
        }
    }

    private sealed class Eternal(ExampleDatabase database, string sessionId, BufferedSessionStoreOptions options)
        : ExampleSessionStore(
            database,
            sessionId,
            new BufferedSessionStoreOptions { TimeProvider = options.TimeProvider, IdleTimeout = null }
        );
}
