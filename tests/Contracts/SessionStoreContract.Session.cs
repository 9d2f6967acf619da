namespace WorkflowSessions.Contracts;

public abstract partial class SessionStoreContract
{
    [Test]
    public void Store_promises_what_its_documentation_says()
    {
        SessionStoreCapabilities promised = Harness.Promised;
        SessionStoreCapabilities actual = Harness.Open("alice").Capabilities;
        Assert.Multiple(() =>
        {
            foreach (System.Reflection.PropertyInfo flag in typeof(SessionStoreCapabilities).GetProperties())
            {
                Assert.That(flag.GetValue(actual), Is.EqualTo(flag.GetValue(promised)), flag.Name);
            }
        });
    }

    [Test]
    public async Task List_names_the_workflows_that_have_entries()
    {
        if (!Harness.Promised.Listing)
        {
            Assert.That(async () => await Harness.Open("alice").ListAsync(), Throws.InstanceOf<NotSupportedException>());
            return;
        }

        Assert.That(await Harness.Open("alice").ListAsync(), Is.Empty);
        foreach (string id in AdversarialNames.All)
        {
            WorkflowSession workflow = await OpenAsync(id);
            workflow.Set("x", 1);
            workflow.Set("y", 1);
            await workflow.CommitAsync();
        }

        WorkflowSession ended = await OpenAsync("a_b");
        ended.End();
        await ended.CommitAsync();
        WorkflowSession cleared = await OpenAsync("a");
        cleared.Clear();
        await cleared.CommitAsync();
        IReadOnlyList<WorkflowSummary> workflows = await Harness.Open("alice").ListAsync();
        Assert.That(
            workflows.Select(workflow => workflow.Id),
            Is.EquivalentTo(AdversarialNames.All.Except(["a", "a_b"], StringComparer.Ordinal))
        );
        Assert.That(
            workflows.Select(workflow => workflow.ExpiresAt),
            Is.All.Matches<DateTimeOffset?>(time => time.HasValue == Harness.Promised.ExpiryPerWorkflow)
        );
    }

    [Test]
    public async Task End_of_the_session_ends_all_its_workflows()
    {
        foreach ((string owner, string id) in new[] { ("alice", "a"), ("alice", "a_b"), ("alice", "%"), ("bob", "a") })
        {
            WorkflowSession workflow = await OpenAsync(id, owner);
            workflow.Set("x", 1);
            await workflow.CommitAsync();
        }

        WorkflowSession cleared = await OpenAsync("cleared");
        cleared.Clear();
        await cleared.CommitAsync();
        string[] ids = ["a", "a_b", "%", "cleared"];
        ISessionStore session = Harness.Open("alice");
        if (!Harness.Promised.Listing)
        {
            // Then it ends those that this request has opened.
            foreach (string id in ids)
            {
                await new WorkflowSession(session, id).LoadAsync();
            }
        }

        await session.EndAsync();
        foreach (string id in ids)
        {
            WorkflowSession workflow = await OpenAsync(id);
            Assert.That(workflow.Count, Is.Zero, id);
            Assert.That(workflow.LastModified, Is.Null, id);
        }

        Assert.That((await OpenAsync("a", "bob")).Get<int>("x"), Is.EqualTo(1));
    }

    [Test]
    public void Session_id_with_a_lone_surrogate_is_refused()
    {
        if (!Harness.RefusesIllFormedIds)
        {
            Assert.That(() => Harness.Open("alice"), Throws.Nothing);
            return;
        }

        Assert.That(() => Harness.Open("alice\uD800"), Throws.ArgumentException.With.Message.Contains("lone surrogate"));
        Assert.That(() => Harness.Open("\uDC00alice"), Throws.ArgumentException);
    }

    [Test]
    public async Task Cancelled_before_it_begins_is_cancelled_and_changes_nothing()
    {
        CancellationToken cancelled = new(canceled: true);
        WorkflowSession workflow = await OpenAsync();
        workflow.Set("x", 1);
        await workflow.CommitAsync();
        ISessionStore session = Harness.Open("alice");
        WorkflowSession next = new(session, "checkout");
        bool ran = false;
        Assert.Multiple(() =>
        {
            Assert.That(async () => await next.LoadAsync(cancelled), Throws.InstanceOf<OperationCanceledException>());
            if (Harness.HasUpdates)
            {
                Assert.That(
                    async () => await next.UpdateAsync(_ => ran = true, cancelled),
                    Throws.InstanceOf<OperationCanceledException>()
                );
            }

            Assert.That(async () => await session.EndAsync(cancelled), Throws.InstanceOf<OperationCanceledException>());
            if (Harness.Promised.Listing)
            {
                Assert.That(async () => await session.ListAsync(cancelled), Throws.InstanceOf<OperationCanceledException>());
            }
        });
        Assert.That(ran, Is.False);
        await next.LoadAsync();
        next.Set("y", 2);
        Assert.That(async () => await next.CommitAsync(cancelled), Throws.InstanceOf<OperationCanceledException>());
        await InThisAndNextRequestAsync(
            next,
            w => Assert.That(w.GetAll(), Is.EquivalentTo(new Dictionary<string, object?> { ["x"] = 1, ["y"] = 2 }))
        );
    }
}
