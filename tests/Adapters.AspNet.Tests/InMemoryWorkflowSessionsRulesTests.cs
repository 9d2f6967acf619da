namespace WorkflowSessions.AspNetCore.Tests;

/// <summary>A unit test meets the rules of a real request.</summary>
public sealed class InMemoryWorkflowSessionsRulesTests
{
    [Test]
    public async Task Request_after_a_conflict_starts_fresh()
    {
        InMemoryWorkflowSessions sessions = new();
        await sessions.ArrangeAsync("checkout", checkout => checkout.Set("step", 1));
        InMemoryWorkflowSessions second = sessions.NewTab();
        (await sessions.OpenAsync("checkout")).Set("step", 2);
        (await sessions.OpenAsync("cart")).Set("item", "book");
        (await second.OpenAsync("checkout")).End();
        await second.NextRequestAsync();

        WorkflowConflictException? refusal = await Assert.ThrowsAsync<WorkflowConflictException>(async () =>
            await sessions.NextRequestAsync()
        );
        Assert.That((refusal!.WorkflowId, refusal.Reason), Is.EqualTo(("checkout", WorkflowConflictReason.Ended)));
        await sessions.NextRequestAsync();
        WorkflowSession checkout = await sessions.OpenAsync("checkout");
        Assert.That((checkout.Has("step"), checkout.HasChanges), Is.EqualTo((false, false)));
        Assert.That((await sessions.OpenAsync("cart")).Get<string>("item"), Is.EqualTo("book"), "the other workflow is stored");
    }

    [Test]
    public async Task Change_after_the_session_ended_throws()
    {
        InMemoryWorkflowSessions sessions = new();
        await sessions.ArrangeAsync("checkout", checkout => checkout.Set("step", 1));
        WorkflowSession before = await sessions.OpenAsync("checkout");
        await sessions.EndSessionAsync();
        Assert.That(() => before.Set("step", 2), Throws.InvalidOperationException.With.Message.Contains("session was ended"));
        Assert.That(sessions.HasEnded, Is.True);
        (await sessions.OpenAsync("checkout")).Set("step", 3);
        await sessions.NextRequestAsync();
        Assert.That((await sessions.OpenAsync("checkout")).Get<int>("step"), Is.EqualTo(3), "a new session began");
    }

    [Test]
    public async Task Workflow_of_an_earlier_request_throws()
    {
        InMemoryWorkflowSessions sessions = new();
        WorkflowSession before = await sessions.OpenAsync("checkout");
        before.Set("step", 1);
        await sessions.NextRequestAsync();
        Assert.That(() => before.Get<int>("step"), Throws.InstanceOf<ObjectDisposedException>());
        Assert.That(() => before.Set("step", 2), Throws.InstanceOf<ObjectDisposedException>());
        Assert.That((await sessions.OpenAsync("checkout")).Get<int>("step"), Is.EqualTo(1));
    }

    [TestCase("alice", true)]
    [TestCase("bob", false)]
    public async Task Session_stays_with_its_user_and_another_user_gets_an_empty_one(string user, bool isKept)
    {
        InMemoryWorkflowSessions sessions = new();
        await sessions.ArrangeAsync("checkout", checkout => checkout.Set("step", 1));
        await sessions.RegenerateIdAsync("alice");
        await sessions.NextRequestAsync();
        await sessions.RegenerateIdAsync(user);
        await sessions.NextRequestAsync();
        Assert.That((await sessions.OpenAsync("checkout")).Has("step"), Is.EqualTo(isKept));
        Assert.That(sessions.Regenerations, Is.EqualTo(2));
    }

    [Test]
    public async Task Tab_with_a_replaced_secret_is_refused()
    {
        InMemoryWorkflowSessions sessions = new();
        await sessions.ArrangeAsync("checkout", checkout => checkout.Set("step", 1));
        InMemoryWorkflowSessions second = sessions.NewTab();
        _ = await second.OpenAsync("checkout");
        await sessions.RegenerateIdAsync("alice");
        await sessions.NextRequestAsync();
        WorkflowConflictException? refusal = await Assert.ThrowsAsync<WorkflowConflictException>(async () =>
            await second.OpenAsync("cart")
        );
        Assert.That(refusal!.Reason, Is.EqualTo(WorkflowConflictReason.StaleSession));
        await second.NextRequestAsync();
        Assert.That((await second.OpenAsync("checkout")).Get<int>("step"), Is.EqualTo(1), "the browser has the new cookie");
    }

    [TestCase(false)]
    [TestCase(true)]
    public async Task Commit_fails_once_and_is_stored_only_where_that_may_be(bool mayBeStored)
    {
        InMemoryWorkflowSessions sessions = new();
        (await sessions.OpenAsync("checkout")).Set("step", 1);
        sessions.FailNextCommit(mayBeStored);
        SessionStoreException? error = await Assert.ThrowsAsync<SessionStoreException>(async () => await sessions.CommitAsync());
        Assert.That((error!.WorkflowId, error.MayBeStored), Is.EqualTo(("checkout", mayBeStored)));
        sessions.DiscardChanges();
        Assert.That((await sessions.OpenAsync("checkout")).Has("step"), Is.EqualTo(mayBeStored));

        (await sessions.OpenAsync("checkout")).Set("step", 2);
        await sessions.NextRequestAsync();
        Assert.That((await sessions.OpenAsync("checkout")).Get<int>("step"), Is.EqualTo(2), "it fails once");
    }

    [Test]
    public async Task Update_of_a_workflow_fails_too()
    {
        InMemoryWorkflowSessions sessions = new();
        WorkflowSession checkout = await sessions.OpenAsync("checkout");
        sessions.FailNextCommit();
        await Assert.ThrowsAsync<SessionStoreException>(async () => await checkout.UpdateAsync(w => w.Set("visits", 1)));
        await sessions.NextRequestAsync();
        Assert.That((await sessions.OpenAsync("checkout")).Has("visits"), Is.False);
    }

    [Test]
    public async Task Request_that_failed_to_commit_leaves_nothing_to_the_next()
    {
        InMemoryWorkflowSessions sessions = new();
        (await sessions.OpenAsync("checkout")).Set("step", 1);
        sessions.FailNextCommit();
        await Assert.ThrowsAsync<SessionStoreException>(async () => await sessions.NextRequestAsync());
        await sessions.NextRequestAsync();
        Assert.That((await sessions.OpenAsync("checkout")).Has("step"), Is.False);
    }

    [Test]
    public async Task Parallel_request_can_be_arranged()
    {
        InMemoryWorkflowSessions sessions = new();
        await sessions.ArrangeAsync("checkout", checkout => checkout.Set("step", 1));
        WorkflowSession mine = await sessions.OpenAsync("checkout");
        mine.Set("step", 2);
        await sessions.ArrangeAsync("checkout", checkout => checkout.Set("note", "from another tab"));
        await sessions.NextRequestAsync();
        WorkflowSession merged = await sessions.OpenAsync("checkout");
        Assert.That((merged.Get<int>("step"), merged.Get<string>("note")), Is.EqualTo((2, "from another tab")));
    }

    [Test]
    public async Task Second_session_beside_the_first_request_is_refused()
    {
        InMemoryWorkflowSessions sessions = new();
        Assert.That(() => sessions.NewTab(), Throws.InvalidOperationException.With.Message.Contains("NextRequestAsync()"));
        (await sessions.OpenAsync("checkout")).Set("step", 1);
        Assert.That(
            async () => await sessions.ArrangeAsync("checkout", checkout => checkout.Set("step", 2)),
            Throws.InvalidOperationException.With.Message.Contains("ArrangeAsync() before the first request")
        );
        await sessions.NextRequestAsync();
        Assert.That((await sessions.NewTab().OpenAsync("checkout")).Get<int>("step"), Is.EqualTo(1));
    }
}
