using WorkflowSessions.Contracts;

namespace WorkflowSessions.Tests;

/// <summary>Every rule of a commit under faults of the engine: a failure before the write, after it, and a write that takes its time.</summary>
public sealed class FaultTests
{
    private readonly ExampleHarness _harness = new();

    private ExampleDatabase Database => _harness.Database;

    [Test]
    public async Task Failed_commit_throws_and_keeps_its_changes()
    {
        WorkflowSession workflow = await OpenAsync();
        workflow.Set("x", 1);
        IOException failure = new("The disk is full.");
        Database.BeforeWrite = () => throw failure;
        SessionStoreException? error = await Assert.ThrowsAsync<SessionStoreException>(async () => await workflow.CommitAsync());
        Assert.That(error!.InnerException, Is.SameAs(failure));
        Assert.That(error.MayBeStored, Is.True, "what the store does not tell is unknown");
        Assert.That(error.WorkflowId, Is.EqualTo("checkout"));
        Assert.That(workflow.HasChanges, Is.True);
        Database.BeforeWrite = () => Task.CompletedTask;
        Assert.That((await OpenAsync()).Has("x"), Is.False);
        await workflow.CommitAsync();
        Assert.That((await OpenAsync()).Get<int>("x"), Is.EqualTo(1));
    }

    [Test]
    public async Task What_the_store_says_of_its_failure_reaches_the_caller_as_it_is()
    {
        WorkflowSession workflow = await OpenAsync();
        workflow.Set("x", 1);
        SessionStoreException failure = new("Out of memory.", "checkout", mayBeStored: false);
        Database.BeforeWrite = () => throw failure;
        Assert.That(async () => await workflow.CommitAsync(), Throws.Exception.SameAs(failure));
        Assert.That(workflow.HasChanges, Is.True);
    }

    [Test]
    public async Task Lost_reply_is_unknown_and_the_commit_can_be_sent_again()
    {
        WorkflowSession workflow = await OpenAsync();
        workflow.Set("x", 1);
        Database.AfterWrite = () => throw new IOException("The connection broke.");
        SessionStoreException? error = await Assert.ThrowsAsync<SessionStoreException>(async () => await workflow.CommitAsync());
        Assert.That(error!.MayBeStored, Is.True);
        Database.AfterWrite = () => Task.CompletedTask;
        Assert.That((await OpenAsync()).Get<int>("x"), Is.EqualTo(1), "it was stored");
        await workflow.CommitAsync();
        Assert.That((await OpenAsync()).GetAll(), Has.Count.EqualTo(1));
    }

    [Test]
    public async Task Update_never_runs_again_when_it_may_be_stored()
    {
        WorkflowSession workflow = new(_harness.Open("alice"), "checkout");
        await workflow.UpdateAsync(w => w.Set("n", 0));
        int runs = 0;
        SessionStoreException? error = await Assert.ThrowsAsync<SessionStoreException>(async () =>
            await workflow.UpdateAsync(w =>
            {
                runs++;
                w.Set("n", w.Get("n", 0) + 1);
                Database.AfterWrite = () => throw new IOException("The connection broke.");
            })
        );
        Database.AfterWrite = () => Task.CompletedTask;
        Assert.That(error!.MayBeStored, Is.True);
        Assert.That(runs, Is.EqualTo(1));
        Assert.That(workflow.HasChanges, Is.False);
        Assert.That((await OpenAsync()).Get<int>("n"), Is.EqualTo(1));
    }

    [Test]
    public async Task Store_that_sends_again_what_may_be_stored_counts_twice()
    {
        // The broken variant that the test above is there for: it takes its own write for that of another.
        ExampleHarness harness = new((database, sessionId, options) => new SendingAgain(database, sessionId, options));
        WorkflowSession workflow = new(harness.Open("alice"), "checkout");
        await workflow.UpdateAsync(w => w.Set("n", 0));
        int runs = 0;
        Task update = workflow
            .UpdateAsync(w =>
            {
                if (runs++ == 0)
                {
                    harness.Database.AfterWrite = () =>
                    {
                        harness.Database.AfterWrite = () => Task.CompletedTask;
                        throw new IOException("The connection broke.");
                    };
                }

                w.Set("n", w.Get("n", 0) + 1);
            })
            .AsTask();
        await harness.WithRunningClockAsync(new ValueTask(update), TimeSpan.FromSeconds(1));
        Assert.That(runs, Is.EqualTo(2));
        Assert.That(workflow.Get<int>("n"), Is.EqualTo(2));
    }

    [Test]
    public async Task Cancellation_ends_the_wait_between_attempts_and_keeps_nothing()
    {
        WorkflowSession workflow = await OpenAsync();
        using CancellationTokenSource source = new();
        Assert.That(
            async () =>
                await workflow.UpdateAsync(
                    async w =>
                    {
                        WorkflowSession other = await OpenAsync();
                        other.Set("other", Guid.NewGuid());
                        await other.CommitAsync();
                        await source.CancelAsync();
                        w.Set("x", 1);
                    },
                    source.Token
                ),
            Throws.InstanceOf<OperationCanceledException>()
        );
        Assert.That(workflow.HasChanges, Is.False);
        Assert.That((await OpenAsync()).Has("x"), Is.False);
    }

    [Test]
    public async Task Cancellation_ends_the_pause_before_the_next_attempt()
    {
        // The clock stands still, so that the pause would last for ever once it is longer than nothing.
        WorkflowSession workflow = await OpenAsync();
        using CancellationTokenSource source = new();
        int runs = 0;
        Task update = workflow
            .UpdateAsync(
                async w =>
                {
                    runs++;
                    WorkflowSession other = await OpenAsync();
                    other.Set("other", runs);
                    await other.CommitAsync();
                    w.Set("x", 1);
                },
                source.Token
            )
            .AsTask();
        Assert.That(update.IsCompleted, Is.False);
        await source.CancelAsync();
        Assert.That(async () => await update, Throws.InstanceOf<OperationCanceledException>());
        Assert.That(workflow.HasChanges, Is.False);
        Assert.That((await OpenAsync()).Has("x"), Is.False);
    }

    [Test]
    public async Task Write_that_takes_its_time_is_waited_for()
    {
        WorkflowSession workflow = await OpenAsync();
        workflow.Set("x", 1);
        TaskCompletionSource gate = new(TaskCreationOptions.RunContinuationsAsynchronously);
        Database.BeforeWrite = () => gate.Task;
        Task commit = workflow.CommitAsync().AsTask();
        Assert.That(commit.IsCompleted, Is.False);
        Assert.That(Database.Read("alice", "checkout"), Is.Null);
        Assert.That(workflow.HasChanges, Is.True);
        gate.SetResult();
        await commit;
        Assert.That(workflow.HasChanges, Is.False);
        Assert.That(Database.Read("alice", "checkout"), Is.Not.Null);
    }

    [Test]
    public async Task No_acknowledged_write_is_lost_to_any_mix_of_faults()
    {
        int writes = 0;
        Database.BeforeWrite = () => FaultAsync(5);
        Database.AfterWrite = () => FaultAsync(7);
        await Task.WhenAll(
            Enumerable
                .Range(0, 4)
                .Select(writer =>
                    Task.Run(async () =>
                    {
                        for (int i = 0; i < 200; i++)
                        {
                            WorkflowSession workflow = await UntilItWorksAsync(OpenAsync);
                            workflow.Set($"writer{writer}", i);
                            await UntilItWorksAsync(async () =>
                            {
                                await workflow.CommitAsync();
                                return true;
                            });
                            Assert.That(workflow.HasChanges, Is.False);
                        }
                    })
                )
        );
        WorkflowSession all = await UntilItWorksAsync(OpenAsync);
        Assert.That(Enumerable.Range(0, 4).Select(writer => all.Get($"writer{writer}", -1)), Is.All.EqualTo(199));
        Assert.That(writes, Is.GreaterThan(1_000), "there were writes that failed");

        async Task FaultAsync(int each)
        {
            await Task.Yield();
            if (Interlocked.Increment(ref writes) % each == 0)
            {
                throw new IOException("The connection broke.");
            }
        }

        static async Task<T> UntilItWorksAsync<T>(Func<Task<T>> action)
        {
            while (true)
            {
                try
                {
                    return await action();
                }
                catch (SessionStoreException)
                {
                    // The changes are still there, so that the same call may be made again.
                }
            }
        }
    }

    [Test]
    public async Task Versions_grow_by_one_in_a_generation_and_no_generation_comes_again()
    {
        HashSet<long> generations = [];
        for (int round = 0; round < 3; round++)
        {
            WorkflowSession workflow = await OpenAsync();
            for (int version = 1; version <= 4; version++)
            {
                if (version == 3)
                {
                    workflow.Clear();
                }

                workflow.Set("x", version);
                await workflow.CommitAsync();
                WorkflowRecord stored = Database.Read("alice", "checkout")!;
                Assert.That(stored.Version, Is.EqualTo(version));
                Assert.That(generations.Add(stored.Generation), Is.EqualTo(version == 1));
                await workflow.LoadAsync();
                Assert.That(Database.Read("alice", "checkout")!.Version, Is.EqualTo(version), "a load is no change");
            }

            workflow.End();
            if (round == 1)
            {
                // Ended and begun anew in one commit is a new generation too.
                workflow.Set("x", 0);
                await workflow.CommitAsync();
                Assert.That(Database.Read("alice", "checkout")!.Version, Is.EqualTo(1));
                Assert.That(generations.Add(Database.Read("alice", "checkout")!.Generation), Is.True);
                workflow.End();
            }

            await workflow.CommitAsync();
            Assert.That(Database.Read("alice", "checkout"), Is.Null);
        }
    }

    [Test]
    public async Task Failures_name_neither_values_nor_the_session()
    {
        WorkflowSession workflow = await OpenAsync();
        workflow.Set("x", "a secret");
        Database.BeforeWrite = () => throw new IOException("disk");
        SessionStoreException? error = await Assert.ThrowsAsync<SessionStoreException>(async () => await workflow.CommitAsync());
        Assert.That(error!.ToString(), Does.Not.Contain("alice").And.Not.Contain("a secret"));
    }

    private async Task<WorkflowSession> OpenAsync()
    {
        WorkflowSession workflow = new(_harness.Open("alice"), "checkout");
        await workflow.LoadAsync();
        return workflow;
    }

    private sealed class SendingAgain(ExampleDatabase database, string sessionId, BufferedSessionStoreOptions options)
        : ExampleSessionStore(database, sessionId, options)
    {
        protected override async ValueTask<CommitResult> CommitWorkflowAsync(WorkflowCommit commit, CancellationToken cancellationToken)
        {
            try
            {
                return await base.CommitWorkflowAsync(commit, cancellationToken);
            }
            catch (IOException)
            {
                return await base.CommitWorkflowAsync(commit, cancellationToken);
            }
        }
    }
}
