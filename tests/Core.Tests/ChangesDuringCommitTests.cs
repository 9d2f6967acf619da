using WorkflowSessions.Contracts;

namespace WorkflowSessions.Tests;

/// <summary>A change that is made while a commit of the same workflow is under way is not in that commit, and is not lost.</summary>
public sealed class ChangesDuringCommitTests
{
    // What is stored in the end, where the workflow has an entry "old" before.
    private static readonly (string Name, Action<WorkflowSession> Change, string Expected)[] Changes =
    [
        ("set", w => w.Set("new", 2), "a=1 new=2 old=0"),
        ("set again", w => w.Set("a", 2), "a=2 old=0"),
        ("delete what is being set", w => w.Delete("a"), "old=0"),
        ("delete what was stored before", w => w.Delete("old"), "a=1"),
        ("clear", w => w.Clear(), ""),
        ("clear and set", ClearAndSet, "new=2"),
        ("end", w => w.End(), ""),
        ("nothing", _ => { }, "a=1 old=0"),
    ];

    private static IEnumerable<TestCaseData> Cases =>
        from change in Changes
        from begins in new[] { true, false }
        select new TestCaseData(
            change.Change,
            begins,
            begins ? change.Expected.Replace("old=0", "", StringComparison.Ordinal).Trim() : change.Expected
        ).SetArgDisplayNames(change.Name, begins ? "begins" : "goes on");

    [TestCaseSource(nameof(Cases))]
    public async Task Change_during_a_commit_is_committed_by_the_next(Action<WorkflowSession> change, bool begins, string expected)
    {
        ExampleDatabase database = new();
        GatedStore store = new(database, new BufferedSessionStoreOptions());
        if (!begins)
        {
            WorkflowSession before = new(new ExampleSessionStore(database, "alice", new BufferedSessionStoreOptions()), "w");
            await before.LoadAsync();
            before.Set("old", 0);
            await before.CommitAsync();
        }

        WorkflowSession workflow = new(store, "w");
        await workflow.LoadAsync();
        workflow.Set("a", 1);
        Task commit = workflow.CommitAsync().AsTask();
        await store.Committing.Task;
        change(workflow);
        store.Gate.SetResult();
        await commit;
        await workflow.CommitAsync();
        Assert.That(workflow.HasChanges, Is.False);

        WorkflowSession stored = new(new ExampleSessionStore(database, "alice", new BufferedSessionStoreOptions()), "w");
        await stored.LoadAsync();
        IEnumerable<string> entries = stored.GetAll().Select(entry => $"{entry.Key}={entry.Value}").Order(StringComparer.Ordinal);
        Assert.That(string.Join(' ', entries), Is.EqualTo(expected));
    }

    // UpdateAsync runs its function again when others commit meanwhile. What else was changed would be dropped with the first run.
    [Test]
    public async Task Change_while_an_update_commits_is_refused()
    {
        ExampleDatabase database = new();
        GatedStore store = new(database, new BufferedSessionStoreOptions());
        WorkflowSession workflow = new(store, "w");
        await workflow.LoadAsync();
        Task update = workflow.UpdateAsync(w => w.Set("a", 1)).AsTask();
        await store.Committing.Task;
        foreach (
            Action<WorkflowSession> change in new Action<WorkflowSession>[]
            {
                w => w.Set("b", 1),
                w => w.Delete("a"),
                w => w.Clear(),
                w => w.End(),
            }
        )
        {
            Assert.That(() => change(workflow), Throws.InvalidOperationException.With.Message.Contains("Await UpdateAsync first"));
        }

        Assert.That(workflow.Get<int>("a"), Is.EqualTo(1), "it can be read");
        store.Gate.SetResult();
        await update;
        Assert.That(() => workflow.Set("b", 1), Throws.Nothing);
    }

    [TestCase(true)]
    [TestCase(false)]
    public async Task Session_does_not_end_while_a_commit_is_under_way(bool isUpdate)
    {
        ExampleDatabase database = new();
        GatedStore store = new(database, new BufferedSessionStoreOptions());
        WorkflowSession workflow = new(store, "w");
        await workflow.LoadAsync();
        if (!isUpdate)
        {
            workflow.Set("a", 1);
        }

        Task commit = (isUpdate ? workflow.UpdateAsync(w => w.Set("a", 1)) : workflow.CommitAsync()).AsTask();
        await store.Committing.Task;
        Assert.That(
            async () => await store.EndAsync(),
            Throws.InvalidOperationException.With.Message.Contains("'w'").And.Message.Contains("Await it first")
        );
        store.Gate.SetResult();
        await commit;
        Assert.That(workflow.Get<int>("a"), Is.EqualTo(1), "nothing was dropped");
        await store.EndAsync();
        Assert.That(database.OfSession("alice"), Is.Empty);
    }

    private static void ClearAndSet(WorkflowSession workflow)
    {
        workflow.Clear();
        workflow.Set("new", 2);
    }

    private sealed class GatedStore(ExampleDatabase database, BufferedSessionStoreOptions options)
        : ExampleSessionStore(database, "alice", options)
    {
        public TaskCompletionSource Committing { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public TaskCompletionSource Gate { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        protected override async ValueTask<CommitResult> CommitWorkflowAsync(WorkflowCommit commit, CancellationToken cancellationToken)
        {
            Committing.TrySetResult();
            await Gate.Task;
            return await base.CommitWorkflowAsync(commit, cancellationToken);
        }
    }
}
