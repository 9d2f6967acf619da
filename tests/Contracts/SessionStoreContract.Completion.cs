namespace WorkflowSessions.Contracts;

/// <summary>Completion: a workflow has one receipt, and one function at a time makes it.</summary>
public abstract partial class SessionStoreContract
{
    // Longer than a claim, and shorter than the idle timeout.
    private static readonly TimeSpan UntilClaimRanOut = TimeSpan.FromMinutes(2);

    [Test]
    public async Task Completed_workflow_has_its_receipt_and_no_entries()
    {
        if (!await CompletesAsync())
        {
            return;
        }

        WorkflowSession workflow = await OpenAsync();
        workflow.Set("item", "book");
        Assert.That(workflow.IsCompleted, Is.False);
        Assert.That(() => workflow.GetReceipt<string>(), Throws.InvalidOperationException.With.Message.Contains("IsCompleted"));
        workflow = await NextRequestAsync(workflow);
        DateTimeOffset completed = Tick();
        workflow.Complete("order 1");
        await InThisAndNextRequestAsync(
            workflow,
            w =>
            {
                Assert.That(w.IsCompleted, Is.True);
                Assert.That(w.GetReceipt<string>(), Is.EqualTo("order 1"));
                Assert.That(w.Count, Is.Zero);
                Assert.That(w.GetAll(), Is.Empty);
                Assert.That(w.Has("item"), Is.False);
                Assert.That(w.Get("item", "none"), Is.EqualTo("none"));
                Assert.That(w.IsNew, Is.False);
                Assert.That(w.LastModified, Is.EqualTo(completed));
            }
        );
        if (Harness.Promised.Listing)
        {
            Assert.That(await Harness.Open("alice").ListAsync(), Is.Empty);
        }
    }

    [Test]
    public async Task Completed_workflow_refuses_changes_at_once()
    {
        if (!await CompletesAsync())
        {
            return;
        }

        await StoreAsync(("x", 1));
        WorkflowSession workflow = await OpenAsync();
        workflow.Complete(1);
        AssertRefuses(workflow);
        workflow = await NextRequestAsync(workflow);
        AssertRefuses(workflow);
        Assert.That(workflow.HasChanges, Is.False);
        await InThisAndNextRequestAsync(workflow, w => Assert.That(w.GetReceipt<int>(), Is.EqualTo(1)));

        static void AssertRefuses(WorkflowSession workflow)
        {
            Action<WorkflowSession>[] changes = [w => w.Set("x", 2), w => w.Delete("x"), w => w.Clear(), w => w.Complete(2)];
            foreach (Action<WorkflowSession> change in changes)
            {
                WorkflowConflictException? conflict = Assert.Throws<WorkflowConflictException>(() => change(workflow));
                Assert.That(conflict!.Reason, Is.EqualTo(WorkflowConflictReason.Completed));
            }
        }
    }

    [Test]
    public async Task End_drops_the_receipt_and_the_workflow_begins_anew()
    {
        if (!await CompletesAsync())
        {
            return;
        }

        await StoreAsync(("x", 1));
        string first = await CompleteAsync("one");
        WorkflowSession workflow = await OpenAsync();
        workflow.End();
        Assert.That(workflow.IsCompleted, Is.False);
        workflow = await NextRequestAsync(workflow);
        Assert.That(workflow.IsCompleted, Is.False);
        Assert.That(workflow.IsNew, Is.True);
        await StoreAsync(("x", 2));
        string second = await CompleteAsync("two");
        Assert.That(second, Is.Not.EqualTo(first), "the next workflow has another key");

        // In one request.
        workflow = await OpenAsync();
        workflow.End();
        workflow.Set("x", 3);
        await InThisAndNextRequestAsync(
            workflow,
            w =>
            {
                Assert.That(w.IsCompleted, Is.False);
                Assert.That(w.GetAll(), Is.EquivalentTo(new Dictionary<string, object?> { ["x"] = 3 }));
            }
        );
    }

    [Test]
    public async Task Complete_async_runs_the_function_and_stores_its_result()
    {
        if (!await CompletesAsync())
        {
            return;
        }

        await StoreAsync(("x", 1));
        WorkflowSession workflow = await OpenAsync();
        string? key = null;
        int receipt = await workflow.CompleteAsync(
            async (k, _) =>
            {
                key = k;
                await Task.Yield();
                return workflow.Get<int>("x") + 41;
            }
        );
        Assert.That(receipt, Is.EqualTo(42));
        Assert.That(key, Has.Length.EqualTo(22).And.Match("^[A-Za-z0-9_-]+$"));
        await InThisAndNextRequestAsync(
            workflow,
            w =>
            {
                Assert.That(w.IsCompleted, Is.True);
                Assert.That(w.GetReceipt<int>(), Is.EqualTo(42));
                Assert.That(w.Count, Is.Zero);
                Assert.That(w.HasChanges, Is.False);
            }
        );
        Assert.That(await workflow.CompleteAsync<int>((_, _) => throw Unexpected()), Is.EqualTo(42));
        Assert.That(await (await OpenAsync()).CompleteAsync<int>((_, _) => throw Unexpected()), Is.EqualTo(42));
    }

    [Test]
    public async Task Simultaneous_clicks_have_one_effect_and_equal_receipts()
    {
        if (!await ClaimsAsync())
        {
            return;
        }

        const int Clicks = 32;
        await StoreAsync(("x", 1));
        int loads = 0;
        int running = 0;
        List<string> keys = [];
        TaskCompletionSource loaded = new(TaskCreationOptions.RunContinuationsAsynchronously);
        Task<Guid[]> work = Task.WhenAll(Enumerable.Range(0, Clicks).Select(_ => Task.Run(ClickAsync)));
        await Harness.WithRunningClockAsync(new ValueTask(work), TimeSpan.FromMilliseconds(1));
        Assert.That((await work).Distinct().Count(), Is.EqualTo(1));
        Assert.That(keys, Has.Count.EqualTo(1));
        Assert.That((await OpenAsync()).GetReceipt<Guid>(), Is.EqualTo((await work)[0]));

        async Task<Guid> ClickAsync()
        {
            WorkflowSession workflow = await OpenAsync();
            if (Interlocked.Increment(ref loads) == Clicks)
            {
                loaded.SetResult();
            }

            return await workflow.CompleteAsync(
                async (key, _) =>
                {
                    Assert.That(Interlocked.Increment(ref running), Is.EqualTo(1), "one at a time");
                    keys.Add(key);
                    await loaded.Task;
                    Interlocked.Decrement(ref running);
                    return Guid.NewGuid();
                }
            );
        }
    }

    [Test]
    public async Task Others_read_a_claimed_workflow_and_their_commits_are_refused()
    {
        if (!await ClaimsAsync())
        {
            return;
        }

        await StoreAsync(("x", 1));
        WorkflowSession loadedBefore = await OpenAsync();
        using Completing completing = await ClaimAsync();
        WorkflowSession loadedMeanwhile = await OpenAsync();
        Assert.That(loadedMeanwhile.Get<int>("x"), Is.EqualTo(1));
        Assert.That(loadedMeanwhile.IsCompleted, Is.False);
        foreach (WorkflowSession workflow in new[] { loadedBefore, loadedMeanwhile })
        {
            workflow.Set("x", 2);
            await AssertCompletingAsync(async () => await workflow.CommitAsync());
            Assert.That(workflow.HasChanges, Is.True);
            Assert.That(workflow.Get<int>("x"), Is.EqualTo(2));
        }

        WorkflowSession ending = await OpenAsync();
        Assert.That(ending.Get<int>("x"), Is.EqualTo(1), "nothing was written");
        ending.End();
        await AssertCompletingAsync(async () => await ending.CommitAsync());
        WorkflowSession completing2 = await OpenAsync();
        completing2.Complete("another");
        await AssertCompletingAsync(async () => await completing2.CommitAsync());

        Assert.That(await completing.FinishAsync("mine"), Is.EqualTo("mine"));
        WorkflowConflictException? conflict = await Assert.ThrowsAsync<WorkflowConflictException>(async () =>
            await loadedBefore.CommitAsync()
        );
        Assert.That(conflict!.Reason, Is.EqualTo(WorkflowConflictReason.Completed));
        Assert.That(loadedBefore.HasChanges, Is.True);
        conflict = await Assert.ThrowsAsync<WorkflowConflictException>(async () => await loadedMeanwhile.LoadAsync());
        Assert.That(conflict!.Reason, Is.EqualTo(WorkflowConflictReason.Completed));
        Assert.That((await OpenAsync()).GetReceipt<string>(), Is.EqualTo("mine"));
    }

    [Test]
    public async Task Commit_and_end_of_a_workflow_that_others_completed()
    {
        if (!await ClaimsAsync())
        {
            return;
        }

        await StoreAsync(("x", 1));
        WorkflowSession changing = await OpenAsync();
        WorkflowSession ending = await OpenAsync();
        WorkflowSession completing = await OpenAsync();
        _ = await CompleteAsync("one");
        changing.Set("x", 2);
        completing.Complete("two");
        foreach (WorkflowSession refused in new[] { changing, completing })
        {
            WorkflowConflictException? conflict = await Assert.ThrowsAsync<WorkflowConflictException>(async () =>
                await refused.CommitAsync()
            );
            Assert.That(conflict!.Reason, Is.EqualTo(WorkflowConflictReason.Completed));
            Assert.That(conflict.Message, Does.Contain("checkout").And.Contain("receipt"));
        }

        Assert.That((await OpenAsync()).GetReceipt<string>(), Is.EqualTo("one"));
        ending.End();
        await ending.CommitAsync();
        Assert.That((await OpenAsync()).IsNew, Is.True);
    }

    [Test]
    public async Task Function_that_throws_or_is_cancelled_releases_the_claim()
    {
        if (!await CompletesAsync())
        {
            return;
        }

        await StoreAsync(("x", 1));
        List<string> keys = [];
        WorkflowSession workflow = await OpenAsync();
        InvalidOperationException declined = new("The card was declined.");
        Assert.That(async () => await workflow.CompleteAsync<int>((key, _) => Fail(key, declined)), Throws.Exception.SameAs(declined));
        using CancellationTokenSource cancellation = new();
        Assert.That(
            async () =>
                await workflow.CompleteAsync<int>(
                    async (key, token) =>
                    {
                        keys.Add(key);
                        await cancellation.CancelAsync();
                        await Task.Delay(Timeout.Infinite, token);
                        return 0;
                    },
                    cancellation.Token
                ),
            Throws.InstanceOf<OperationCanceledException>()
        );
        Assert.That(workflow.IsCompleted, Is.False);
        Assert.That(workflow.Get<int>("x"), Is.EqualTo(1));

        // Others change it, and complete it, as if nothing had been.
        WorkflowSession other = await OpenAsync();
        Assert.That(other.Get<int>("x"), Is.EqualTo(1));
        other.Set("y", 2);
        await other.CommitAsync();
        Assert.That(async () => await other.CompleteAsync<int>((key, _) => Fail(key, declined)), Throws.Exception.SameAs(declined));
        keys.Add(await CompleteAsync("done"));
        Assert.That(keys, Has.Count.EqualTo(4));
        Assert.That(keys.Distinct().Count(), Is.EqualTo(1));

        Task<int> Fail(string key, Exception error)
        {
            keys.Add(key);
            return Task.FromException<int>(error);
        }
    }

    [Test]
    public async Task Click_that_waits_completes_the_workflow_when_the_first_one_fails()
    {
        if (!await ClaimsAsync())
        {
            return;
        }

        await StoreAsync(("x", 1));
        WorkflowSession waiting = await OpenAsync();
        using Completing completing = await ClaimAsync();
        Task<string> second = waiting.CompleteAsync((_, _) => Task.FromResult("second")).AsTask();
        Assert.That(second.IsCompleted, Is.False);
        completing.Fail();
        await Harness.WithRunningClockAsync(new ValueTask(second), TimeSpan.FromMilliseconds(1));
        Assert.That(await second, Is.EqualTo("second"));
        Assert.That((await OpenAsync()).GetReceipt<string>(), Is.EqualTo("second"));
    }

    [Test]
    public async Task Complete_async_waits_for_another_claim_and_then_gives_up()
    {
        if (!await ClaimsAsync())
        {
            return;
        }

        await StoreAsync(("x", 1));
        WorkflowSession waiting = await OpenAsync();
        using Completing completing = await ClaimAsync();
        await AssertCompletingAsync(async () =>
            await Harness.WithRunningClockAsync(new ValueTask(waiting.CompleteAsync<string>((_, _) => throw Unexpected()).AsTask()))
        );
        Assert.That(await completing.FinishAsync("first"), Is.EqualTo("first"));
        Assert.That(await waiting.CompleteAsync<string>((_, _) => throw Unexpected()), Is.EqualTo("first"));
    }

    [Test]
    public async Task Claim_that_ran_out_is_taken_over_with_the_same_key()
    {
        if (!await ClaimsAsync())
        {
            return;
        }

        await StoreAsync(("x", 1));
        WorkflowSession second = await OpenAsync();
        using Completing first = await ClaimAsync();
        await Harness.PassAsync(UntilClaimRanOut);
        string? key = null;
        string receipt = await second.CompleteAsync(
            (k, _) =>
            {
                key = k;
                return Task.FromResult("second");
            }
        );
        Assert.That(receipt, Is.EqualTo("second"));
        Assert.That(key, Is.EqualTo(first.Key));
        Assert.That(await first.FinishAsync("first"), Is.EqualTo("second"), "a late finish gets the receipt of the winner");
        Assert.That((await OpenAsync()).GetReceipt<string>(), Is.EqualTo("second"));
    }

    [Test]
    public async Task Late_finish_is_stored_when_nobody_took_the_claim_over()
    {
        if (!await ClaimsAsync())
        {
            return;
        }

        await StoreAsync(("x", 1));
        using Completing completing = await ClaimAsync();
        await Harness.PassAsync(UntilClaimRanOut);
        Assert.That((await OpenAsync()).Get<int>("x"), Is.EqualTo(1));
        Assert.That(await completing.FinishAsync("late"), Is.EqualTo("late"));
        Assert.That((await OpenAsync()).GetReceipt<string>(), Is.EqualTo("late"));
    }

    [Test]
    public async Task Late_finish_waits_for_the_receipt_of_the_request_that_took_the_claim_over()
    {
        if (!await ClaimsAsync())
        {
            return;
        }

        await StoreAsync(("x", 1));
        using Completing first = await ClaimAsync();
        await Harness.PassAsync(UntilClaimRanOut);
        using Completing second = await ClaimAsync();
        Task<string> late = first.FinishAsync("first");
        Task<string> winner = second.FinishAsync("second");
        await Harness.WithRunningClockAsync(new ValueTask(Task.WhenAll(late, winner)), TimeSpan.FromMilliseconds(1));
        Assert.That(await late, Is.EqualTo("second"));
        Assert.That(await winner, Is.EqualTo("second"));
    }

    [Test]
    public async Task Commit_after_a_claim_ran_out_is_kept_and_a_late_finish_is_refused()
    {
        if (!await ClaimsAsync())
        {
            return;
        }

        await StoreAsync(("x", 1));
        WorkflowSession other = await OpenAsync();
        using Completing completing = await ClaimAsync();
        await Harness.PassAsync(UntilClaimRanOut);
        other.Set("y", 2);
        await other.CommitAsync();
        WorkflowConflictException? conflict = await Assert.ThrowsAsync<WorkflowConflictException>(async () =>
            await completing.FinishAsync("late")
        );
        Assert.That(conflict!.Reason, Is.EqualTo(WorkflowConflictReason.Changed));
        Assert.That(conflict.Message, Does.Contain("CompletionTimeout"));
        Assert.That((await OpenAsync()).GetAll(), Is.EquivalentTo(new Dictionary<string, object?> { ["x"] = 1, ["y"] = 2 }));
        Assert.That(await CompleteAsync("again"), Is.EqualTo(completing.Key));
    }

    [Test]
    public async Task End_after_a_claim_ran_out_ends_the_workflow()
    {
        if (!await ClaimsAsync())
        {
            return;
        }

        await StoreAsync(("x", 1));
        using Completing completing = await ClaimAsync();
        await Harness.PassAsync(UntilClaimRanOut);
        await EndAsync();
        await StoreAsync(("x", 2));
        WorkflowConflictException? conflict = await Assert.ThrowsAsync<WorkflowConflictException>(async () =>
            await completing.FinishAsync("late")
        );
        Assert.That(conflict!.Reason, Is.EqualTo(WorkflowConflictReason.Ended));
        Assert.That((await OpenAsync()).Get<int>("x"), Is.EqualTo(2), "the next workflow is not the one that was claimed");
    }

    [Test]
    public async Task Claim_is_refused_when_others_changed_the_entries_since_the_load()
    {
        if (!await ClaimsAsync())
        {
            return;
        }

        await StoreAsync(("x", 1), ("same", 1));
        WorkflowSession workflow = await OpenAsync();
        await StoreAsync(("x", 2), ("same", 1));
        WorkflowConflictException? conflict = await Assert.ThrowsAsync<WorkflowConflictException>(async () =>
            await Harness.WithRunningClockAsync(new ValueTask(workflow.CompleteAsync<int>((_, _) => throw Unexpected()).AsTask()))
        );
        Assert.That(conflict!.Reason, Is.EqualTo(WorkflowConflictReason.Changed));
        Assert.That(conflict.Keys, Is.EqualTo(new[] { "x" }));
        Assert.That(workflow.Get<int>("x"), Is.EqualTo(2), "it shows what is stored now");
        Assert.That(await workflow.CompleteAsync((_, _) => Task.FromResult(workflow.Get<int>("x"))), Is.EqualTo(2));
    }

    [Test]
    public async Task Complete_async_runs_on_what_its_request_has_committed()
    {
        if (!await CompletesAsync())
        {
            return;
        }

        WorkflowSession workflow = await OpenAsync();
        workflow.Set("x", 1);
        await workflow.CommitAsync();
        workflow.Set("x", 2);
        workflow.Set("y", 3);
        await workflow.CommitAsync();
        int sum = await workflow.CompleteAsync((_, _) => Task.FromResult(workflow.Get<int>("x") + workflow.Get<int>("y")));
        Assert.That(sum, Is.EqualTo(5));
    }

    [Test]
    public async Task Complete_async_of_a_workflow_that_is_absent_or_has_ended_is_refused()
    {
        if (!await CompletesAsync())
        {
            return;
        }

        await AssertEndedAsync(await OpenAsync());
        await StoreAsync(("x", 1));
        WorkflowSession workflow = await OpenAsync();
        await EndAsync();
        await AssertEndedAsync(workflow);
        if (Harness.IsBuffered)
        {
            await StoreAsync(("x", 2));
            await AssertEndedAsync(workflow);
            Assert.That((await OpenAsync()).Get<int>("x"), Is.EqualTo(2));
        }

        static async Task AssertEndedAsync(WorkflowSession workflow)
        {
            WorkflowConflictException? conflict = await Assert.ThrowsAsync<WorkflowConflictException>(async () =>
                await workflow.CompleteAsync<int>((_, _) => throw Unexpected())
            );
            Assert.That(conflict!.Reason, Is.EqualTo(WorkflowConflictReason.Ended));
        }
    }

    [Test]
    public async Task Complete_async_does_not_mix_with_changes_that_wait_or_with_an_update()
    {
        if (!await CompletesAsync())
        {
            return;
        }

        await StoreAsync(("x", 1));
        WorkflowSession workflow = await OpenAsync();
        await workflow.UpdateAsync(async w =>
        {
            Assert.That(async () => await w.CompleteAsync((_, _) => Task.FromResult(1)), Throws.InvalidOperationException);
            await Task.Yield();
            w.Set("x", 2);
        });
        Assert.That(async () => await workflow.CompleteAsync<int>(null!), Throws.ArgumentNullException);
        if (Harness.IsBuffered)
        {
            Assert.That(
                async () => await new WorkflowSession(Harness.Open("alice"), "checkout").CompleteAsync((_, _) => Task.FromResult(1)),
                Throws.InvalidOperationException.With.Message.Contains("LoadAsync")
            );
            workflow.Set("x", 3);
            Assert.That(
                async () => await workflow.CompleteAsync((_, _) => Task.FromResult(1)),
                Throws.InvalidOperationException.With.Message.Contains("Commit")
            );
            await workflow.CommitAsync();
        }

        int receipt = await workflow.CompleteAsync(
            (_, _) =>
            {
                Assert.That(() => workflow.Set("x", 4), Throws.InvalidOperationException.With.Message.Contains("receipt"));
                Assert.That(() => workflow.End(), Throws.InvalidOperationException);
                Assert.That(async () => await workflow.UpdateAsync(w => w.Set("x", 4)), Throws.InvalidOperationException);
                Assert.That(async () => await workflow.CompleteAsync((_, _) => Task.FromResult(1)), Throws.InvalidOperationException);
                return Task.FromResult(workflow.Get<int>("x"));
            }
        );
        Assert.That(receipt, Is.EqualTo(Harness.IsBuffered ? 3 : 2));
    }

    [Test]
    public async Task Update_sees_the_receipt_and_begins_anew()
    {
        if (!await CompletesAsync())
        {
            return;
        }

        await StoreAsync(("x", 1));
        _ = await CompleteAsync("one");
        WorkflowSession workflow = new(Harness.Open("alice"), "checkout");
        WorkflowConflictException? conflict = await Assert.ThrowsAsync<WorkflowConflictException>(async () =>
            await workflow.UpdateAsync(w => w.Set("x", 2))
        );
        Assert.That(conflict!.Reason, Is.EqualTo(WorkflowConflictReason.Completed));
        string? seen = null;
        await workflow.UpdateAsync(w =>
        {
            seen = w.GetReceipt<string>();
            w.End();
            w.Set("x", 2);
        });
        Assert.That(seen, Is.EqualTo("one"));
        WorkflowSession next = await OpenAsync();
        Assert.That(next.IsCompleted, Is.False);
        Assert.That(next.Get<int>("x"), Is.EqualTo(2));
        await workflow.UpdateAsync(w => w.Complete("two"));
        Assert.That((await OpenAsync()).GetReceipt<string>(), Is.EqualTo("two"));
    }

    [Test]
    public async Task Update_waits_for_a_claim_and_then_gives_up()
    {
        if (!await ClaimsAsync())
        {
            return;
        }

        await StoreAsync(("x", 1));
        using Completing completing = await ClaimAsync();
        WorkflowSession workflow = await OpenAsync();
        int runs = 0;
        await AssertCompletingAsync(async () =>
            await Harness.WithRunningClockAsync(
                workflow.UpdateAsync(w =>
                {
                    runs++;
                    Harness.Clock.Advance(TimeSpan.FromSeconds(4));
                    w.Set("x", 2);
                })
            )
        );
        Assert.That(runs, Is.GreaterThan(1));
        Assert.That(workflow.HasChanges, Is.False);
        runs = 0;
        ValueTask update = workflow.UpdateAsync(w =>
        {
            if (runs++ == 0)
            {
                completing.Fail();
            }

            w.Set("x", 3);
        });
        await Harness.WithRunningClockAsync(update, TimeSpan.FromMilliseconds(1));
        Assert.That((await OpenAsync()).Get<int>("x"), Is.EqualTo(3));
    }

    [Test]
    public async Task Receipt_that_can_not_be_stored_releases_the_claim()
    {
        if (!await CompletesAsync() || await WritesThroughAsync())
        {
            return;
        }

        await StoreAsync(("x", 1));
        WorkflowSession workflow = await OpenAsync();
        WorkflowValueException? unstorable = await Assert.ThrowsAsync<WorkflowValueException>(async () =>
            await workflow.CompleteAsync((_, _) => Task.FromResult<object>(new MemoryStream()))
        );
        Assert.That(unstorable!.Key, Is.Empty);
        Assert.That(unstorable.Message, Does.StartWith("The receipt of workflow 'checkout'"));
        string large = new('x', 2_000_000);
        Assert.That(
            async () => await workflow.CompleteAsync((_, _) => Task.FromResult(large)),
            Throws.InstanceOf<WorkflowLimitException>().With.Message.Contains("receipt")
        );
        Assert.That(() => workflow.Complete(large), Throws.InstanceOf<WorkflowLimitException>());
        Assert.That(() => workflow.Complete<object>(new MemoryStream()), Throws.InstanceOf<WorkflowValueException>());
        Assert.That(workflow.HasChanges, Is.False);
        WorkflowSession other = await OpenAsync();
        Assert.That(other.Get<int>("x"), Is.EqualTo(1));
        other.Set("y", 1);
        await other.CommitAsync();
    }

    [Test]
    public async Task Receipt_is_read_as_its_type()
    {
        if (!await CompletesAsync())
        {
            return;
        }

        await StoreAsync(("x", 1));
        Dictionary<string, int> lines = new() { ["book"] = 2 };
        WorkflowSession workflow = await OpenAsync();
        _ = await workflow.CompleteAsync((_, _) => Task.FromResult(lines));
        workflow = await OpenAsync();
        Assert.That(workflow.GetReceipt<Dictionary<string, int>>(), Is.EquivalentTo(lines));
        foreach (
            Func<Task> reading in new Func<Task>[]
            {
                ReadAsync,
                async () => await workflow.CompleteAsync<Guid>((_, _) => throw Unexpected()),
            }
        )
        {
            WorkflowValueException? error = await Assert.ThrowsAsync<WorkflowValueException>(async () => await reading());
            Assert.That(error!.Key, Is.Empty);
            Assert.That(error.Message, Does.Contain("receipt").And.Contain("checkout"));
        }

        workflow.End();
        await workflow.CommitAsync();
        workflow = await OpenAsync();
        workflow.Complete<string?>(null);
        workflow = await NextRequestAsync(workflow);
        Assert.That(workflow.IsCompleted, Is.True);
        Assert.That(workflow.GetReceipt<string>(), Is.Null);
        Assert.That(await workflow.CompleteAsync<string?>((_, _) => throw Unexpected()), Is.Null);
        Assert.That(() => workflow.GetReceipt<int>(), Throws.InstanceOf<WorkflowValueException>());

        Task ReadAsync() => Task.FromResult(workflow.GetReceipt<Guid>());
    }

    [Test]
    public async Task Keys_of_completion_differ_between_workflows_and_sessions()
    {
        if (!await CompletesAsync())
        {
            return;
        }

        List<string> keys = [];
        foreach (string session in new[] { "alice", "bob" })
        {
            foreach (string id in new[] { "checkout", "import" })
            {
                WorkflowSession workflow = await OpenAsync(id, session);
                workflow.Set("x", 1);
                workflow = await NextRequestAsync(workflow, session);
                _ = await workflow.CompleteAsync(
                    (key, _) =>
                    {
                        keys.Add(key);
                        return Task.FromResult(1);
                    }
                );
            }
        }

        Assert.That(keys.Distinct().Count(), Is.EqualTo(4));
    }

    [Test]
    public async Task Receipt_expires_and_nothing_renews_it()
    {
        if (!Harness.Promised.ExpiryPerWorkflow || !await CompletesAsync())
        {
            Assert.That(Harness.Open("alice").Capabilities.ExpiryPerWorkflow, Is.EqualTo(Harness.Promised.ExpiryPerWorkflow));
            return;
        }

        await StoreAsync(("x", 1));
        _ = await CompleteAsync("one");
        await Harness.PassAsync(TimeSpan.FromMinutes(12));
        WorkflowSession workflow = await OpenAsync();
        Assert.That(workflow.GetReceipt<string>(), Is.EqualTo("one"));
        Assert.That(workflow.ExpiresAt, Is.EqualTo(Harness.Clock.GetUtcNow() + TimeSpan.FromMinutes(8)).Within(Harness.Tolerance));
        await Harness.PassAsync(TimeSpan.FromMinutes(12));
        Assert.That((await OpenAsync()).IsNew, Is.True);
    }

    [Test]
    public async Task Ended_session_has_no_receipts()
    {
        if (!await CompletesAsync())
        {
            return;
        }

        await StoreAsync(("x", 1));
        _ = await CompleteAsync("one");
        ISessionStore session = Harness.Open("alice");
        _ = session.Open("checkout");
        await session.EndAsync();
        Assert.That((await OpenAsync()).IsCompleted, Is.False);
    }

    private static InvalidOperationException Unexpected() => new("The function must not run.");

    private static async Task AssertCompletingAsync(Func<Task> operation)
    {
        WorkflowConflictException? conflict = await Assert.ThrowsAsync<WorkflowConflictException>(async () => await operation());
        Assert.That(conflict!.Reason, Is.EqualTo(WorkflowConflictReason.Completing));
        Assert.That(conflict.Message, Does.Contain("checkout"));
    }

    /// <summary>Completes the workflow in a request of its own.</summary>
    /// <returns>The idempotency key.</returns>
    private async Task<string> CompleteAsync(string receipt)
    {
        string? key = null;
        WorkflowSession workflow = await OpenAsync();
        string stored = await workflow.CompleteAsync(
            (k, _) =>
            {
                key = k;
                return Task.FromResult(receipt);
            }
        );
        Assert.That(stored, Is.EqualTo(receipt));
        return key!;
    }

    /// <summary>Claims the workflow in a request of its own, whose function waits for the test.</summary>
    private async Task<Completing> ClaimAsync()
    {
        Completing completing = new();
        await completing.BeginAsync(await OpenAsync());
        return completing;
    }

    /// <returns>Whether workflows can be completed; where they can't, the store says so, which is asserted.</returns>
    private async Task<bool> CompletesAsync()
    {
        Assert.That(Harness.Open("alice").Capabilities.Completion, Is.EqualTo(Harness.Promised.Completion));
        if (!Harness.Promised.Completion)
        {
            await StoreAsync(("x", 1));
            WorkflowSession workflow = await OpenAsync();
            Assert.That(workflow.IsCompleted, Is.False);
            Assert.That(
                async () => await workflow.CompleteAsync<int>((_, _) => throw Unexpected()),
                Throws.InstanceOf<NotSupportedException>().With.Message.Contains("End()")
            );
            Assert.That(() => workflow.Complete(1), Throws.InstanceOf<NotSupportedException>().With.Message.Contains("Completion"));
            Assert.That((await OpenAsync()).Get<int>("x"), Is.EqualTo(1));
        }

        return Harness.Promised.Completion;
    }

    /// <returns>Whether requests compete for a claim. On a dictionary a function has it to itself.</returns>
    private async Task<bool> ClaimsAsync() => await CompletesAsync() && !await WritesThroughAsync();

    /// <summary>A request whose function has begun, and waits.</summary>
    private sealed class Completing : IDisposable
    {
        private readonly TaskCompletionSource _begun = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly TaskCompletionSource<string> _result = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private Task<string>? _completing;

        public string? Key { get; private set; }

        public async Task BeginAsync(WorkflowSession workflow)
        {
            _completing = workflow
                .CompleteAsync(
                    (key, _) =>
                    {
                        Key = key;
                        _begun.SetResult();
                        return _result.Task;
                    }
                )
                .AsTask();
            await await Task.WhenAny(_begun.Task, _completing);
        }

        public Task<string> FinishAsync(string receipt)
        {
            _result.SetResult(receipt);
            return _completing!;
        }

        public void Fail() => _result.TrySetException(new InvalidOperationException("The card was declined."));

        // Nobody hears of it: the test is over.
        public void Dispose()
        {
            _result.TrySetCanceled();
            _ = _completing!.ContinueWith(done => done.Exception, TaskScheduler.Default);
        }
    }
}
