namespace WorkflowSessions.Contracts;

public abstract partial class SessionStoreContract
{
    [Test]
    public async Task New_workflow_is_empty_and_was_never_changed()
    {
        WorkflowSession workflow = await OpenAsync();
        await InThisAndNextRequestAsync(
            workflow,
            w =>
            {
                Assert.That(w.Id, Is.EqualTo("checkout"));
                Assert.That(w.IsLoaded, Is.True);
                Assert.That(w.HasChanges, Is.False);
                Assert.That(w.Count, Is.Zero);
                Assert.That(w.GetAll(), Is.Empty);
                Assert.That(w.LastModified, Is.Null);
                Assert.That(w.Get<string>("x"), Is.Null);
                Assert.That(w.Get<int>("x"), Is.Zero);
            }
        );
    }

    [Test]
    public async Task What_was_set_is_read()
    {
        WorkflowSession workflow = await OpenAsync();
        workflow.Set("email", "user@example.com");
        workflow.Set("step", 2);
        await InThisAndNextRequestAsync(
            workflow,
            w =>
            {
                Assert.That(w.Get<string>("email"), Is.EqualTo("user@example.com"));
                Assert.That(w.Get<int>("step"), Is.EqualTo(2));
                Assert.That(w.Has("email"), Is.True);
                Assert.That(w.TryGet("step", out int step), Is.True);
                Assert.That(step, Is.EqualTo(2));
                Assert.That(w.Count, Is.EqualTo(2));
                Assert.That(w.GetAll(), Is.EquivalentTo(new Dictionary<string, object?> { ["email"] = "user@example.com", ["step"] = 2 }));
            }
        );
    }

    [Test]
    public async Task Set_replaces_also_with_another_type()
    {
        WorkflowSession workflow = await OpenAsync();
        workflow.Set("x", 1);
        workflow = await NextRequestAsync(workflow);
        workflow.Set("x", "one");
        await InThisAndNextRequestAsync(
            workflow,
            w =>
            {
                Assert.That(w.Get<string>("x"), Is.EqualTo("one"));
                Assert.That(w.Count, Is.EqualTo(1));
            }
        );
    }

    [Test]
    public async Task Stored_null_is_a_value()
    {
        WorkflowSession workflow = await OpenAsync();
        workflow.Set<string?>("x", null);
        await InThisAndNextRequestAsync(
            workflow,
            w =>
            {
                Assert.That(w.Has("x"), Is.True);
                Assert.That(w.Get("x", "default"), Is.Null);
                Assert.That(w.TryGet("x", out string? value), Is.True);
                Assert.That(value, Is.Null);
                Assert.That(w.Count, Is.EqualTo(1));
                Assert.That(w.GetAll(), Is.EqualTo(new Dictionary<string, object?> { ["x"] = null }));
            }
        );
        workflow = await OpenAsync();
        Assert.That(workflow.Delete("x"), Is.True);
        await InThisAndNextRequestAsync(workflow, w => Assert.That(w.Has("x"), Is.False));
    }

    [Test]
    public async Task Default_is_for_an_absent_key_only_and_never_stored()
    {
        WorkflowSession workflow = await OpenAsync();
        await InThisAndNextRequestAsync(
            workflow,
            w =>
            {
                Assert.That(w.Get("x", "default"), Is.EqualTo("default"));
                Assert.That(w.Get("x", 7), Is.EqualTo(7));
                Assert.That(w.TryGet("x", out int value), Is.False);
                Assert.That(value, Is.Zero);
                Assert.That(w.Has("x"), Is.False);
                Assert.That(w.Count, Is.Zero);
                Assert.That(w.LastModified, Is.Null);
            }
        );
    }

    [Test]
    public async Task Delete_removes_and_tells_whether_the_key_was_there()
    {
        WorkflowSession workflow = await OpenAsync();
        workflow.Set("x", 1);
        workflow.Set("y", 2);
        workflow = await NextRequestAsync(workflow);
        Assert.That(workflow.Delete("x"), Is.True);
        Assert.That(workflow.Delete("x"), Is.False);
        await InThisAndNextRequestAsync(
            workflow,
            w =>
            {
                Assert.That(w.Has("x"), Is.False);
                Assert.That(w.Get("x", -1), Is.EqualTo(-1));
                Assert.That(w.GetAll().Keys, Is.EqualTo(new[] { "y" }));
            }
        );
    }

    [Test]
    public async Task Clear_removes_every_key_also_those_of_earlier_requests()
    {
        WorkflowSession workflow = await OpenAsync();
        workflow.Set("x", 1);
        workflow.Set("y", 2);
        workflow = await NextRequestAsync(workflow);
        workflow.Set("z", 3);
        workflow.Clear();
        await InThisAndNextRequestAsync(
            workflow,
            w =>
            {
                Assert.That(w.Count, Is.Zero);
                Assert.That(w.GetAll(), Is.Empty);
                Assert.That(w.Has("x"), Is.False);
            }
        );
    }

    [Test]
    public async Task Set_after_clear_stays()
    {
        WorkflowSession workflow = await OpenAsync();
        workflow.Set("x", 1);
        workflow.Set("y", 2);
        workflow = await NextRequestAsync(workflow);
        workflow.Clear();
        workflow.Set("y", 3);
        await InThisAndNextRequestAsync(workflow, w => Assert.That(w.GetAll(), Is.EqualTo(new Dictionary<string, object?> { ["y"] = 3 })));
    }

    [Test]
    public async Task End_removes_entries_and_stamp()
    {
        WorkflowSession workflow = await OpenAsync();
        workflow.Set("x", 1);
        workflow = await NextRequestAsync(workflow);
        workflow.End();
        await InThisAndNextRequestAsync(
            workflow,
            w =>
            {
                Assert.That(w.Count, Is.Zero);
                Assert.That(w.Has("x"), Is.False);
                Assert.That(w.LastModified, Is.Null);
            }
        );
    }

    [Test]
    public async Task End_of_an_absent_workflow_leaves_it_absent()
    {
        WorkflowSession workflow = await OpenAsync();
        workflow.End();
        await InThisAndNextRequestAsync(workflow, w => Assert.That(w.LastModified, Is.Null));
    }

    [Test]
    public async Task Set_after_end_begins_anew()
    {
        WorkflowSession workflow = await OpenAsync();
        workflow.Set("x", 1);
        workflow = await NextRequestAsync(workflow);
        workflow.End();
        DateTimeOffset now = Tick();
        workflow.Set("y", 2);
        await InThisAndNextRequestAsync(
            workflow,
            w =>
            {
                Assert.That(w.GetAll(), Is.EqualTo(new Dictionary<string, object?> { ["y"] = 2 }));
                Assert.That(w.LastModified, Is.EqualTo(now));
            }
        );
    }

    [Test]
    public async Task Change_after_end_begins_anew_also_when_it_leaves_no_entry()
    {
        WorkflowSession workflow = await OpenAsync();
        workflow.Set("x", 1);
        workflow = await NextRequestAsync(workflow);
        DateTimeOffset now = Tick();
        workflow.End();
        workflow.Set("x", 2);
        workflow.Delete("x");
        await InThisAndNextRequestAsync(workflow, w => Assert.That(w.LastModified, Is.EqualTo(now)));
        workflow = await OpenAsync();
        now = Tick();
        workflow.End();
        workflow.Clear();
        await InThisAndNextRequestAsync(workflow, w => Assert.That(w.LastModified, Is.EqualTo(now)));
    }

    [Test]
    public async Task GetAll_is_a_copy()
    {
        WorkflowSession workflow = await OpenAsync();
        workflow.Set("x", 1);
        IReadOnlyDictionary<string, object?> all = workflow.GetAll();
        workflow.Set("x", 2);
        workflow.Set("y", 3);
        Assert.That(all, Is.EqualTo(new Dictionary<string, object?> { ["x"] = 1 }));
        ((IDictionary<string, object?>)workflow.GetAll())["x"] = 99;
        await InThisAndNextRequestAsync(workflow, w => Assert.That(w.Get<int>("x"), Is.EqualTo(2)));
    }

    [Test]
    public async Task Every_set_stamps_also_with_an_equal_value()
    {
        WorkflowSession workflow = await OpenAsync();
        DateTimeOffset first = Tick();
        workflow.Set("x", 1);
        await InThisAndNextRequestAsync(workflow, w => Assert.That(w.LastModified, Is.EqualTo(first)));
        workflow = await OpenAsync();
        DateTimeOffset second = Tick();
        workflow.Set("x", 1);
        await InThisAndNextRequestAsync(workflow, w => Assert.That(w.LastModified, Is.EqualTo(second)));
    }

    [Test]
    public async Task Delete_stamps_only_when_the_key_was_there()
    {
        WorkflowSession workflow = await OpenAsync();
        DateTimeOffset set = Tick();
        workflow.Set("x", 1);
        workflow = await NextRequestAsync(workflow);
        _ = Tick();
        workflow.Delete("absent");
        Assert.That(workflow.HasChanges, Is.False);
        await InThisAndNextRequestAsync(workflow, w => Assert.That(w.LastModified, Is.EqualTo(set)));
        workflow = await OpenAsync();
        DateTimeOffset deleted = Tick();
        workflow.Delete("x");
        await InThisAndNextRequestAsync(workflow, w => Assert.That(w.LastModified, Is.EqualTo(deleted)));
    }

    [Test]
    public async Task Clear_stamps_also_when_there_was_nothing()
    {
        WorkflowSession workflow = await OpenAsync();
        DateTimeOffset cleared = Tick();
        workflow.Clear();
        await InThisAndNextRequestAsync(
            workflow,
            w =>
            {
                Assert.That(w.LastModified, Is.EqualTo(cleared));
                Assert.That(w.Count, Is.Zero);
            }
        );
    }

    [Test]
    public async Task Reads_never_stamp()
    {
        WorkflowSession workflow = await OpenAsync();
        DateTimeOffset set = Tick();
        workflow.Set("x", 1);
        workflow = await NextRequestAsync(workflow);
        _ = Tick();
        _ = workflow.Get<int>("x");
        _ = workflow.Get("absent", 1);
        _ = workflow.TryGet("x", out int _);
        _ = workflow.Has("x");
        _ = workflow.Count;
        _ = workflow.GetAll();
        Assert.That(workflow.HasChanges, Is.False);
        await InThisAndNextRequestAsync(workflow, w => Assert.That(w.LastModified, Is.EqualTo(set)));
    }

    [Test]
    public async Task Stamp_is_no_entry()
    {
        WorkflowSession workflow = await OpenAsync();
        workflow.Set("x", 1);
        await InThisAndNextRequestAsync(
            workflow,
            w =>
            {
                Assert.That(w.GetAll().Keys, Is.EqualTo(new[] { "x" }));
                foreach (string key in new[] { "last_modified", "_last_modified", "__checkout_last_modified", "version", "generation" })
                {
                    Assert.That(w.Has(key), Is.False, key);
                }
            }
        );
    }

    [Test]
    public async Task Two_views_of_one_workflow_in_one_request_are_one()
    {
        ISessionStore session = Harness.Open("alice");
        WorkflowSession first = new(session, "checkout");
        await first.LoadAsync();
        first.Set("x", 1);
        WorkflowSession second = new(session, "checkout");
        Assert.That(second.IsLoaded, Is.True);
        await second.LoadAsync();
        Assert.That(second.Get<int>("x"), Is.EqualTo(1));
        second.Set("y", 2);
        Assert.That(first.Get<int>("y"), Is.EqualTo(2));
        await InThisAndNextRequestAsync(first, w => Assert.That(w.Count, Is.EqualTo(2)));
    }
}
