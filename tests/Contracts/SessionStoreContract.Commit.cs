namespace WorkflowSessions.Contracts;

/// <summary>The rules of a commit, for stores that have one. On others every change is there at once, which is asserted instead.</summary>
public abstract partial class SessionStoreContract
{
    [Test]
    public async Task Buffered_workflow_is_used_only_after_it_was_loaded()
    {
        if (await WritesThroughAsync())
        {
            return;
        }

        WorkflowSession workflow = new(Harness.Open("alice"), "checkout");
        Assert.That(workflow.IsLoaded, Is.False);
        Assert.That(workflow.HasChanges, Is.False);
        Action<WorkflowSession>[] operations =
        [
            w => w.Get<int>("x"),
            w => w.Get("x", 1),
            w => w.TryGet("x", out int _),
            w => w.Has("x"),
            w => w.Set("x", 1),
            w => w.Delete("x"),
            w => w.Clear(),
            w => w.End(),
            w => w.GetAll(),
            w => _ = w.Count,
            w => _ = w.LastModified,
        ];
        foreach (Action<WorkflowSession> operation in operations)
        {
            Assert.That(() => operation(workflow), Throws.InvalidOperationException.With.Message.Contains("LoadAsync"));
        }

        await workflow.CommitAsync();
        await workflow.LoadAsync();
        Assert.That(workflow.Count, Is.Zero);
    }

    [Test]
    public async Task Changes_are_seen_by_others_when_they_are_committed_and_not_before()
    {
        if (await WritesThroughAsync())
        {
            return;
        }

        WorkflowSession mine = await OpenAsync();
        mine.Set("x", 1);
        Assert.That(mine.HasChanges, Is.True);
        Assert.That((await OpenAsync()).Has("x"), Is.False);
        await mine.CommitAsync();
        Assert.That(mine.HasChanges, Is.False);
        Assert.That((await OpenAsync()).Get<int>("x"), Is.EqualTo(1));
    }

    [Test]
    public async Task Two_first_writers_both_win()
    {
        if (!await MergesAsync())
        {
            return;
        }

        WorkflowSession first = await OpenAsync();
        WorkflowSession second = await OpenAsync();
        first.Set("x", 1);
        second.Set("y", 2);
        await first.CommitAsync();
        await second.CommitAsync();
        Assert.That((await OpenAsync()).GetAll(), Is.EquivalentTo(new Dictionary<string, object?> { ["x"] = 1, ["y"] = 2 }));
        second.Set("z", 3);
        await second.CommitAsync();
        Assert.That((await OpenAsync()).Count, Is.EqualTo(3));
    }

    [Test]
    public async Task Commit_touches_only_the_keys_that_it_changed()
    {
        if (!await MergesAsync())
        {
            return;
        }

        await StoreAsync(("a", 1), ("b", 1), ("c", 1), ("d", 1));
        WorkflowSession first = await OpenAsync();
        WorkflowSession second = await OpenAsync();
        first.Set("a", 2);
        first.Delete("b");
        second.Set("c", 3);
        second.Set("e", 3);
        second.Delete("d");
        await first.CommitAsync();
        await second.CommitAsync();
        Assert.That(
            (await OpenAsync()).GetAll(),
            Is.EquivalentTo(
                new Dictionary<string, object?>
                {
                    ["a"] = 2,
                    ["c"] = 3,
                    ["e"] = 3,
                }
            )
        );
    }

    [Test]
    public async Task Key_that_was_set_and_deleted_again_is_deleted()
    {
        if (!await MergesAsync())
        {
            return;
        }

        WorkflowSession workflow = await OpenAsync();
        await StoreAsync(("x", 1), ("y", 1));
        workflow.Set("x", 2);
        workflow.Delete("x");
        await workflow.CommitAsync();
        Assert.That((await OpenAsync()).GetAll(), Is.EqualTo(new Dictionary<string, object?> { ["y"] = 1 }));

        // Also when the workflow was ended before, and others have begun it anew.
        workflow = await OpenAsync();
        await EndAsync();
        await StoreAsync(("x", 3), ("y", 3));
        workflow.End();
        workflow.Set("x", 4);
        workflow.Delete("x");
        await workflow.CommitAsync();
        Assert.That((await OpenAsync()).GetAll(), Is.EqualTo(new Dictionary<string, object?> { ["y"] = 3 }));
    }

    [Test]
    public async Task Last_commit_of_a_key_wins()
    {
        if (await WritesThroughAsync())
        {
            return;
        }

        await StoreAsync(("x", 0));
        WorkflowSession first = await OpenAsync();
        WorkflowSession second = await OpenAsync();
        second.Set("x", 2);
        first.Set("x", 1);
        await second.CommitAsync();
        await first.CommitAsync();
        Assert.That((await OpenAsync()).Get<int>("x"), Is.EqualTo(1));
    }

    [Test]
    public async Task Clear_removes_also_what_others_added_meanwhile()
    {
        if (await WritesThroughAsync())
        {
            return;
        }

        await StoreAsync(("x", 1));
        WorkflowSession clearing = await OpenAsync();
        WorkflowSession adding = await OpenAsync();
        clearing.Clear();
        clearing.Set("z", 3);
        adding.Set("y", 2);
        await adding.CommitAsync();
        await clearing.CommitAsync();
        Assert.That((await OpenAsync()).GetAll(), Is.EqualTo(new Dictionary<string, object?> { ["z"] = 3 }));
        // It is the same workflow still: who had loaded it before may go on.
        adding.Set("y", 4);
        await adding.CommitAsync();
        Assert.That((await OpenAsync()).Count, Is.EqualTo(2));
    }

    [Test]
    public async Task Ended_workflow_does_not_come_back()
    {
        if (!await MergesAsync())
        {
            return;
        }

        await StoreAsync(("x", 1), ("y", 2));
        WorkflowSession late = await OpenAsync();
        await EndAsync();
        late.Set("x", 3);
        WorkflowConflictException? conflict = await Assert.ThrowsAsync<WorkflowConflictException>(async () => await late.CommitAsync());
        Assert.That(conflict!.Reason, Is.EqualTo(WorkflowConflictReason.Ended));
        Assert.That(conflict.WorkflowId, Is.EqualTo("checkout"));
        Assert.That(conflict.Message, Does.Contain("'checkout'").And.Contain("End()"));
        Assert.That(late.HasChanges, Is.True);
        Assert.That(late.Get<int>("x"), Is.EqualTo(3));
        Assert.That(async () => await late.LoadAsync(), Throws.InstanceOf<WorkflowConflictException>());
        Assert.That(async () => await late.CommitAsync(), Throws.InstanceOf<WorkflowConflictException>());
        Assert.That((await OpenAsync()).LastModified, Is.Null);

        // The way out that the message names.
        late.End();
        await late.CommitAsync();
        Assert.That(late.HasChanges, Is.False);
        late.Set("x", 4);
        await late.CommitAsync();
        Assert.That((await OpenAsync()).GetAll(), Is.EqualTo(new Dictionary<string, object?> { ["x"] = 4 }));
    }

    [Test]
    public async Task Workflow_that_ended_and_began_anew_is_another()
    {
        if (!await MergesAsync())
        {
            return;
        }

        await StoreAsync(("x", 1));
        WorkflowSession late = await OpenAsync();
        WorkflowSession lateEnd = await OpenAsync();
        WorkflowSession lateClear = await OpenAsync();
        await EndAsync();
        await StoreAsync(("new", 1));
        late.Set("x", 2);
        lateClear.Clear();
        lateEnd.End();
        await lateEnd.LoadAsync();
        Assert.That(lateEnd.HasChanges, Is.False, "what was to end is over already");
        Assert.That(lateEnd.Get<int>("new"), Is.EqualTo(1));
        Assert.That(async () => await late.CommitAsync(), Throws.InstanceOf<WorkflowConflictException>());
        Assert.That(async () => await lateClear.CommitAsync(), Throws.InstanceOf<WorkflowConflictException>());
        await lateEnd.CommitAsync();
        Assert.That((await OpenAsync()).GetAll(), Is.EqualTo(new Dictionary<string, object?> { ["new"] = 1 }));
    }

    [Test]
    public async Task Second_end_of_a_request_does_not_end_what_others_began_in_between()
    {
        if (!await MergesAsync())
        {
            return;
        }

        await StoreAsync(("x", 1));
        WorkflowSession twice = await OpenAsync();
        await EndAsync();
        await StoreAsync(("new", 1));
        twice.End();
        await twice.CommitAsync();
        twice.End();
        await twice.CommitAsync();
        Assert.That((await OpenAsync()).GetAll(), Is.EqualTo(new Dictionary<string, object?> { ["new"] = 1 }));
    }

    [Test]
    public async Task Loading_again_shows_what_others_did_and_keeps_what_was_changed_here()
    {
        if (!await MergesAsync())
        {
            return;
        }

        await StoreAsync(("a", 1), ("b", 1), ("c", 1));
        WorkflowSession mine = await OpenAsync();
        mine.Set("a", 2);
        mine.Delete("b");
        await StoreAsync(("a", 9), ("b", 9), ("c", 9), ("d", 9));
        await mine.LoadAsync();
        Assert.That(mine.HasChanges, Is.True);
        Assert.That(
            mine.GetAll(),
            Is.EquivalentTo(
                new Dictionary<string, object?>
                {
                    ["a"] = 2,
                    ["c"] = 9,
                    ["d"] = 9,
                }
            )
        );
        await InThisAndNextRequestAsync(
            mine,
            w =>
                Assert.That(
                    w.GetAll(),
                    Is.EquivalentTo(
                        new Dictionary<string, object?>
                        {
                            ["a"] = 2,
                            ["c"] = 9,
                            ["d"] = 9,
                        }
                    )
                )
        );
    }

    [Test]
    public async Task Without_a_change_nothing_is_written()
    {
        if (await WritesThroughAsync())
        {
            return;
        }

        WorkflowSession idle = await OpenAsync();
        await idle.CommitAsync();
        Assert.That((await OpenAsync()).LastModified, Is.Null);
        await StoreAsync(("x", 1));
        await idle.LoadAsync();
        await EndAsync();
        // A commit that would be refused if it wrote anything.
        Assert.That(idle.Delete("absent"), Is.False);
        await idle.CommitAsync();
        Assert.That((await OpenAsync()).LastModified, Is.Null);
    }

    [Test]
    public async Task Commits_of_one_workflow_never_disturb_another()
    {
        if (!Harness.MergesRequests)
        {
            Assert.That(Harness.Open("alice").Capabilities.AtomicCommit, Is.False);
            return;
        }

        WorkflowSession[] workflows = await Task.WhenAll(Enumerable.Range(0, 20).Select(i => OpenAsync($"workflow{i}")));
        foreach (WorkflowSession workflow in workflows)
        {
            workflow.Set("x", workflow.Id);
        }

        foreach (WorkflowSession workflow in workflows)
        {
            await workflow.CommitAsync();
        }

        foreach (WorkflowSession workflow in workflows)
        {
            Assert.That((await OpenAsync(workflow.Id)).Get<string>("x"), Is.EqualTo(workflow.Id));
        }
    }

    [Test]
    public async Task End_of_the_session_drops_what_waits_in_this_request()
    {
        ISessionStore session = Harness.Open("alice");
        WorkflowSession workflow = new(session, "checkout");
        await workflow.LoadAsync();
        workflow.Set("x", 1);
        await session.EndAsync();
        Assert.That(workflow.HasChanges, Is.False);
        await InThisAndNextRequestAsync(workflow, w => Assert.That(w.Count, Is.Zero));
    }

    [Test]
    public async Task Workflow_expires_alone_when_it_is_not_used()
    {
        if (!Harness.Promised.ExpiryPerWorkflow)
        {
            WorkflowSession lasting = await OpenAsync();
            lasting.Set("x", 1);
            await InThisAndNextRequestAsync(lasting, w => Assert.That(w.ExpiresAt, Is.Null));
            return;
        }

        WorkflowSession used = await OpenAsync("used");
        used.Set("x", 1);
        await used.CommitAsync();
        Assert.That(used.ExpiresAt, Is.EqualTo(Harness.Clock.GetUtcNow().AddMinutes(20)).Within(Harness.Tolerance));
        WorkflowSession unused = await OpenAsync("unused");
        unused.Set("x", 1);
        await unused.CommitAsync();
        await Harness.PassAsync(TimeSpan.FromMinutes(15));
        used = await OpenAsync("used");
        Assert.That(used.ExpiresAt, Is.EqualTo(Harness.Clock.GetUtcNow().AddMinutes(20)).Within(Harness.Tolerance));
        await Harness.PassAsync(TimeSpan.FromMinutes(6));
        Assert.That((await OpenAsync("used")).Get<int>("x"), Is.EqualTo(1));
        Assert.That((await OpenAsync("unused")).LastModified, Is.Null);
        if (Harness.Promised.Listing)
        {
            Assert.That((await Harness.Open("alice").ListAsync()).Select(workflow => workflow.Id), Is.EqualTo(new[] { "used" }));
        }

        unused.Set("x", 2);
        Assert.That(async () => await unused.CommitAsync(), Throws.InstanceOf<WorkflowConflictException>());
        Assert.That((await OpenAsync("unused")).Count, Is.Zero);
    }

    [Test]
    public async Task Limits_are_told_when_they_would_be_passed_and_nothing_changes()
    {
        if (await WritesThroughAsync())
        {
            return;
        }

        WorkflowSession workflow = await OpenAsync();
        for (int i = 0; i < 1_000; i++)
        {
            workflow.Set($"key{i}", 1);
        }

        Assert.That(
            () => workflow.Set("one more", 1),
            Throws.InstanceOf<WorkflowLimitException>().With.Message.Contains("1000").And.Message.Contains("MaxEntries")
        );
        workflow.Set("key0", 2);
        workflow.Clear();
        workflow.Set("large", new string('x', 1_000_000));
        Assert.That(
            () => workflow.Set("too large", new string('x', 100_000)),
            Throws.InstanceOf<WorkflowLimitException>().With.Message.Contains("'too large'").And.Message.Contains("MaxWorkflowBytes")
        );
        workflow.Set("large", new string('x', 900_000));
        workflow.Set("now it fits", new string('x', 100_000));
        await InThisAndNextRequestAsync(workflow, w => Assert.That(w.Count, Is.EqualTo(2)));

        ISessionStore session = Harness.Open("alice");
        for (int i = 0; i < 100; i++)
        {
            session.Open($"workflow{i}");
        }

        Assert.That(() => session.Open("one more"), Throws.InstanceOf<WorkflowLimitException>().With.Message.Contains("MaxWorkflows"));
        Assert.That(() => session.Open("workflow7"), Throws.Nothing);
    }

    [Test]
    public async Task Requests_that_merge_do_not_store_more_entries_than_allowed()
    {
        if (!Harness.Promised.AtomicCommit)
        {
            Assert.That(Harness.Open("alice").Capabilities.AtomicCommit, Is.False);
            return;
        }

        await StoreAsync([.. Enumerable.Range(0, 500).Select(i => ($"first{i}", i))]);
        WorkflowSession mine = await OpenAsync();
        WorkflowSession replacing = await OpenAsync();
        WorkflowSession swapping = await OpenAsync();
        await StoreAsync([.. Enumerable.Range(0, 500).Select(i => ($"second{i}", i))]);
        mine.Set("one more", 1);
        WorkflowLimitException? error = await Assert.ThrowsAsync<WorkflowLimitException>(async () => await mine.CommitAsync());
        Assert.That(error!.Message, Does.Contain("'checkout'").And.Contain("1000").And.Contain("MaxEntries"));
        Assert.That(mine.HasChanges, Is.True, "the changes wait, and nothing is lost");
        Assert.That((await OpenAsync()).Count, Is.EqualTo(1_000));

        replacing.Set("first7", -1);
        await replacing.CommitAsync();
        swapping.Delete("first8");
        swapping.Set("one instead", 1);
        await swapping.CommitAsync();
        await mine.LoadAsync();
        mine.Delete("first9");
        await mine.CommitAsync();
        WorkflowSession stored = await OpenAsync();
        Assert.That(stored.Count, Is.EqualTo(1_000));
        Assert.That(stored.Get<int>("first7"), Is.EqualTo(-1));
        Assert.That(stored.Has("one instead") && stored.Has("one more"), Is.True);
    }

    [Test]
    public async Task Second_commit_of_a_request_that_merged_does_not_store_more_entries_than_allowed()
    {
        if (!Harness.Promised.AtomicCommit)
        {
            Assert.That(Harness.Open("alice").Capabilities.AtomicCommit, Is.False);
            return;
        }

        await StoreAsync(("first", 1));
        WorkflowSession mine = await OpenAsync();
        await StoreAsync([.. Enumerable.Range(0, 998).Select(i => ($"other{i}", i))]);
        mine.Set("one more", 1);
        await mine.CommitAsync();
        mine.Set("one too many", 1);
        Assert.That(
            async () => await mine.CommitAsync(),
            Throws.InstanceOf<WorkflowLimitException>(),
            "it has not seen the entries of others"
        );
        Assert.That((await OpenAsync()).Count, Is.EqualTo(1_000));
    }

    [Test]
    public async Task Workflow_is_new_when_nothing_was_stored_at_its_load()
    {
        WorkflowSession workflow = new(Harness.Open("alice"), "checkout");
        Assert.That(await workflow.LoadExistingAsync(), Is.False);
        Assert.That(workflow.IsNew, Is.True);
        workflow.Set("x", 1);
        await workflow.CommitAsync();
        WorkflowSession next = new(Harness.Open("alice"), "checkout");
        Assert.That(await next.LoadExistingAsync(), Is.True);
        Assert.That(next.IsNew, Is.False);
        Assert.That(await workflow.LoadExistingAsync(), Is.True, "it was loaded again");

        next.Clear();
        await next.CommitAsync();
        Assert.That((await OpenAsync()).IsNew, Is.False, "a workflow without entries goes on");
        next.End();
        await next.CommitAsync();
        Assert.That((await OpenAsync()).IsNew, Is.True);

        if (Harness.Promised.ExpiryPerWorkflow)
        {
            await StoreAsync(("x", 1));
            await Harness.PassAsync(TimeSpan.FromMinutes(21));
            Assert.That(await new WorkflowSession(Harness.Open("alice"), "checkout").LoadExistingAsync(), Is.False, "it has expired");
        }
    }

    /// <summary>Stores ints in a request of their own.</summary>
    private async Task StoreAsync(params (string Key, int Value)[] entries)
    {
        WorkflowSession workflow = await OpenAsync();
        foreach ((string key, int value) in entries)
        {
            workflow.Set(key, value);
        }

        await workflow.CommitAsync();
    }

    /// <summary>Ends the workflow in a request of its own.</summary>
    private async Task EndAsync()
    {
        WorkflowSession workflow = await OpenAsync();
        workflow.End();
        await workflow.CommitAsync();
    }

    /// <returns>Whether the store has no commit of its own, which is asserted.</returns>
    private async Task<bool> WritesThroughAsync()
    {
        if (Harness.IsBuffered)
        {
            return false;
        }

        WorkflowSession workflow = new(Harness.Open("alice"), "checkout");
        Assert.That(workflow.IsLoaded, Is.True);
        workflow.Set("x", 1);
        Assert.That(workflow.HasChanges, Is.False);
        Assert.That((await OpenAsync()).Get<int>("x"), Is.EqualTo(1));
        return true;
    }

    /// <returns>Whether what two requests commit one after the other is merged; where it is not, the store says so, which is asserted.</returns>
    private async Task<bool> MergesAsync()
    {
        if (await WritesThroughAsync())
        {
            return false;
        }

        if (!Harness.MergesRequests)
        {
            Assert.That(Harness.Open("alice").Capabilities.AtomicCommit, Is.False);
        }

        return Harness.MergesRequests;
    }
}
