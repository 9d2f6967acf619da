namespace WorkflowSessions.Contracts;

public abstract partial class SessionStoreContract
{
    [Test]
    public async Task Update_loads_changes_and_stores()
    {
        if (!await UpdatesAsync())
        {
            return;
        }

        WorkflowSession workflow = new(Harness.Open("alice"), "checkout");
        await workflow.UpdateAsync(w => w.Set("n", w.Get("n", 0) + 1));
        await workflow.UpdateAsync(async w =>
        {
            await Task.Yield();
            w.Set("n", w.Get("n", 0) + 1);
        });
        await workflow.UpdateAsync(
            (w, _) =>
            {
                w.Set("n", w.Get("n", 0) + 1);
                return ValueTask.CompletedTask;
            }
        );
        int result = await workflow.UpdateAsync(
            async (w, cancellation) =>
            {
                await Task.Delay(1, cancellation);
                int n = w.Get("n", 0) + 1;
                w.Set("n", n);
                return n;
            }
        );
        Assert.That(result, Is.EqualTo(4));
        Assert.That(workflow.HasChanges, Is.False);
        Assert.That(workflow.Get<int>("n"), Is.EqualTo(4));
        Assert.That((await OpenAsync()).Get<int>("n"), Is.EqualTo(4));
    }

    [Test]
    public async Task Update_returns_the_result_of_its_function()
    {
        if (!await UpdatesAsync())
        {
            return;
        }

        WorkflowSession workflow = new(Harness.Open("alice"), "checkout");
        int plain = await workflow.UpdateAsync(w => Count(w));
        int awaited = await workflow.UpdateAsync(async w =>
        {
            await Task.Yield();
            return Count(w);
        });
        bool deleted = await workflow.UpdateAsync(w => w.Delete("absent"));
        Assert.That((plain, awaited, deleted), Is.EqualTo((1, 2, false)));
        Assert.That(
            () => workflow.UpdateAsync(w => new ValueTask<int>(Count(w))),
            Throws.ArgumentException.With.Message.Contains("async (workflow, token)"),
            "it would be committed before it has ended"
        );
        Assert.That((await OpenAsync()).Get<int>("n"), Is.EqualTo(2));

        static int Count(WorkflowSession w)
        {
            int n = w.Get("n", 0) + 1;
            w.Set("n", n);
            return n;
        }
    }

    [Test]
    public async Task Update_that_throws_changes_nothing()
    {
        if (!await UpdatesAsync())
        {
            return;
        }

        WorkflowSession workflow = await OpenAsync();
        DateTimeOffset set = Tick();
        workflow.Set("x", 1);
        workflow.Set("y", 2);
        workflow = await NextRequestAsync(workflow);
        _ = Tick();
        InvalidOperationException failure = new("The card was declined.");
        Assert.That(
            async () =>
                await workflow.UpdateAsync(async w =>
                {
                    w.Set("x", 3);
                    await Task.Yield();
                    w.Delete("y");
                    w.Set("z", 4);
                    throw failure;
                }),
            Throws.Exception.SameAs(failure)
        );
        Assert.That(
            async () =>
                await workflow.UpdateAsync(
                    (Action<WorkflowSession>)(
                        w =>
                        {
                            w.End();
                            throw failure;
                        }
                    )
                ),
            Throws.Exception.SameAs(failure)
        );
        Assert.That(workflow.HasChanges, Is.False);
        await InThisAndNextRequestAsync(
            workflow,
            w =>
            {
                Assert.That(w.GetAll(), Is.EquivalentTo(new Dictionary<string, object?> { ["x"] = 1, ["y"] = 2 }));
                Assert.That(w.LastModified, Is.EqualTo(set));
            }
        );
    }

    [Test]
    public async Task Update_without_a_function_is_refused()
    {
        WorkflowSession workflow = await OpenAsync();
        Assert.Multiple(() =>
        {
            Assert.That(async () => await workflow.UpdateAsync((Action<WorkflowSession>)null!), Throws.ArgumentNullException);
            Assert.That(async () => await workflow.UpdateAsync((Func<WorkflowSession, Task>)null!), Throws.ArgumentNullException);
            Assert.That(
                async () => await workflow.UpdateAsync((Func<WorkflowSession, CancellationToken, ValueTask>)null!),
                Throws.ArgumentNullException
            );
            Assert.That(
                async () => await workflow.UpdateAsync((Func<WorkflowSession, CancellationToken, ValueTask<int>>)null!),
                Throws.ArgumentNullException
            );
        });
    }

    [Test]
    public async Task Update_runs_again_when_others_committed_meanwhile()
    {
        if (!Harness.Promised.VersionCheck)
        {
            Assert.That(Harness.Open("alice").Capabilities.VersionCheck, Is.False);
            return;
        }

        // Also where nothing was stored at first.
        foreach (int others in new[] { 0, 1, 3 })
        {
            await EndAsync();
            WorkflowSession workflow = new(Harness.Open("alice"), "checkout");
            int runs = 0;
            await Harness.WithRunningClockAsync(
                workflow.UpdateAsync(async w =>
                {
                    if (runs++ < others)
                    {
                        WorkflowSession other = await OpenAsync();
                        other.Set("n", other.Get("n", 0) + 10);
                        await other.CommitAsync();
                    }

                    w.Set("n", w.Get("n", 0) + 1);
                })
            );
            Assert.That(runs, Is.EqualTo(others + 1));
            Assert.That((await OpenAsync()).Get<int>("n"), Is.EqualTo((10 * others) + 1));
        }
    }

    [Test]
    public async Task Update_gives_up_after_a_time_and_names_the_keys()
    {
        if (!Harness.Promised.VersionCheck)
        {
            Assert.That(Harness.Open("alice").Capabilities.VersionCheck, Is.False);
            return;
        }

        await StoreAsync(("n", 0), ("same", 0));
        WorkflowSession workflow = await OpenAsync();
        int runs = 0;
        WorkflowConflictException? conflict = await Assert.ThrowsAsync<WorkflowConflictException>(async () =>
            await Harness.WithRunningClockAsync(
                workflow.UpdateAsync(async w =>
                {
                    runs++;
                    Harness.Clock.Advance(TimeSpan.FromSeconds(4));
                    await StoreAsync(("n", runs), ("new", runs));
                    w.Set("mine", runs);
                })
            )
        );
        Assert.That(runs, Is.InRange(1, 3));
        Assert.That(conflict!.Reason, Is.EqualTo(WorkflowConflictReason.Changed));
        Assert.That(conflict.Keys, Is.EqualTo(new[] { "n", "new" }));
        Assert.That(conflict.Message, Does.Contain("'n', 'new'").And.Contain("UpdateTimeout"));
        Assert.That(workflow.HasChanges, Is.False);
        Assert.That((await OpenAsync()).Has("mine"), Is.False);
    }

    [Test]
    public async Task Update_of_a_workflow_that_ends_meanwhile_is_refused_at_once()
    {
        if (!Harness.Promised.VersionCheck)
        {
            Assert.That(Harness.Open("alice").Capabilities.VersionCheck, Is.False);
            return;
        }

        await StoreAsync(("x", 1));
        WorkflowSession workflow = await OpenAsync();
        int runs = 0;
        WorkflowConflictException? conflict = await Assert.ThrowsAsync<WorkflowConflictException>(async () =>
            await workflow.UpdateAsync(async w =>
            {
                runs++;
                await EndAsync();
                w.Set("x", 2);
            })
        );
        Assert.That(conflict!.Reason, Is.EqualTo(WorkflowConflictReason.Ended));
        Assert.That(runs, Is.EqualTo(1));
        Assert.That(workflow.HasChanges, Is.False);
        Assert.That((await OpenAsync()).LastModified, Is.Null);
    }

    [Test]
    public async Task Update_does_not_mix_with_changes_that_wait_or_with_another_update()
    {
        if (await WritesThroughAsync() || !await UpdatesAsync())
        {
            return;
        }

        WorkflowSession workflow = await OpenAsync();
        workflow.Set("x", 1);
        Assert.That(
            async () => await workflow.UpdateAsync(w => w.Set("x", 2)),
            Throws.InvalidOperationException.With.Message.Contains("Commit")
        );
        Assert.That(workflow.Get<int>("x"), Is.EqualTo(1));
        await workflow.CommitAsync();
        await workflow.UpdateAsync(async w =>
        {
            Assert.That(async () => await w.UpdateAsync(inner => inner.Set("x", 3)), Throws.InvalidOperationException);
            Assert.That(async () => await w.CommitAsync(), Throws.InvalidOperationException);
            Assert.That(async () => await w.LoadAsync(), Throws.InvalidOperationException);
            await Task.Yield();
            w.Set("x", 4);
        });
        Assert.That((await OpenAsync()).Get<int>("x"), Is.EqualTo(4));
    }

    [Test]
    public async Task Parallel_updates_are_all_counted_and_parallel_commits_all_kept()
    {
        if (!Harness.Promised.VersionCheck)
        {
            Assert.That(Harness.Open("alice").Capabilities.VersionCheck, Is.False);
            return;
        }

        const int Writers = 8;
        const int Times = 20;
        Task work = Task.WhenAll(
            Enumerable
                .Range(0, Writers)
                .Select(writer =>
                    Task.Run(async () =>
                    {
                        for (int i = 0; i < Times; i++)
                        {
                            WorkflowSession counter = new(Harness.Open("alice"), "counter");
                            await counter.UpdateAsync(w => w.Set("n", w.Get("n", 0) + 1));
                            WorkflowSession shared = await OpenAsync("shared");
                            shared.Set($"writer{writer}", i);
                            await shared.CommitAsync();
                        }
                    })
                )
        );
        await Harness.WithRunningClockAsync(new ValueTask(work), TimeSpan.FromMilliseconds(1));
        Assert.That((await OpenAsync("counter")).Get<int>("n"), Is.EqualTo(Writers * Times));
        WorkflowSession all = await OpenAsync("shared");
        Assert.That(Enumerable.Range(0, Writers).Select(writer => all.Get($"writer{writer}", -1)), Is.All.EqualTo(Times - 1));
    }

    /// <returns>Whether the store has UpdateAsync; where it has not, it says so, which is asserted.</returns>
    private async Task<bool> UpdatesAsync()
    {
        if (!Harness.HasUpdates)
        {
            WorkflowSession workflow = await OpenAsync();
            Assert.That(async () => await workflow.UpdateAsync(w => w.Set("x", 1)), Throws.InstanceOf<NotSupportedException>());
            Assert.That((await OpenAsync()).Has("x"), Is.False);
        }

        return Harness.HasUpdates;
    }
}
