using System.Security.Cryptography;
using WorkflowSessions.Contracts;

namespace WorkflowSessions.Tests;

/// <summary>What the base class does for stores that fail, or that promise less.</summary>
public sealed class BufferedSessionStoreTests
{
    [Test]
    public void Failure_to_list_or_to_end_is_one_of_the_store_and_says_what_is_known()
    {
        ExampleHarness harness = new((database, sessionId, options) => new Failing(database, sessionId, options));
        ISessionStore session = harness.Open("alice");
        Assert.That(
            async () => await session.ListAsync(),
            Throws.InstanceOf<SessionStoreException>().With.InnerException.InstanceOf<IOException>().And.Property("MayBeStored").False
        );
        Assert.That(
            async () => await session.EndAsync(),
            Throws.InstanceOf<SessionStoreException>().With.InnerException.InstanceOf<IOException>().And.Property("MayBeStored").True
        );
        WorkflowSession workflow = new(session, "checkout");
        Assert.That(
            async () => await workflow.LoadAsync(),
            Throws.InstanceOf<SessionStoreException>().With.Property("MayBeStored").False.And.Property("WorkflowId").EqualTo("checkout")
        );
        Assert.That(workflow.IsLoaded, Is.False);
    }

    [Test]
    public async Task Cancellation_ends_the_waits_of_the_store_and_loses_nothing()
    {
        ExampleHarness harness = new((database, sessionId, options) => new Waiting(database, sessionId, options));
        using CancellationTokenSource source = new();
        WorkflowSession workflow = new(harness.Open("alice"), "checkout");
        await workflow.LoadAsync();
        workflow.Set("x", 1);
        WorkflowSession next = new(harness.Open("alice"), "checkout");
        Task[] waits =
        [
            workflow.CommitAsync(source.Token).AsTask(),
            next.LoadAsync(source.Token).AsTask(),
            new WorkflowSession(harness.Open("alice"), "checkout").UpdateAsync(w => w.Set("y", 1), source.Token).AsTask(),
            harness.Open("alice").ListAsync(source.Token).AsTask(),
            harness.Open("alice").EndAsync(source.Token).AsTask(),
        ];
        Assert.That(waits.Select(wait => wait.IsCompleted), Is.All.False);
        await source.CancelAsync();
        foreach (Task wait in waits)
        {
            Assert.That(async () => await wait, Throws.InstanceOf<OperationCanceledException>());
        }

        Assert.That(workflow.HasChanges, Is.True);
        Assert.That(next.IsLoaded, Is.False);
        await workflow.CommitAsync();
        await next.LoadAsync();
        Assert.That(next.GetAll(), Is.EqualTo(new Dictionary<string, object?> { ["x"] = 1 }));
    }

    [Test]
    public void Store_without_a_version_check_refuses_updates()
    {
        ExampleHarness harness = new((database, sessionId, options) => new Unversioned(database, sessionId, options));
        WorkflowSession workflow = new(harness.Open("alice"), "checkout");
        Assert.That(
            async () => await workflow.UpdateAsync(w => w.Set("x", 1)),
            Throws.InstanceOf<NotSupportedException>().With.Message.Contains("CommitAsync")
        );
    }

    [TestCase(20, null, 40)]
    [TestCase(20, 60, 120)]
    [TestCase(20, 5, 40)]
    public async Task Secret_of_the_session_stays_twice_as_long_as_the_longest_workflow(int idle, int? ofOne, int expected)
    {
        InMemorySessionStoreOptions options = new()
        {
            IdleTimeout = TimeSpan.FromMinutes(idle),
            TimeProvider = new Microsoft.Extensions.Time.Testing.FakeTimeProvider(),
        };
        if (ofOne is { } minutes)
        {
            options.Workflow("one", workflow => workflow.IdleTimeout = TimeSpan.FromMinutes(minutes));
        }

        BufferedSessionStore session = new InMemorySessionStoreFactory(options).Open("alice");
        Assert.That(await session.Secret.BeginAsync(RandomNumberGenerator.GetBytes(32)), Is.True);
        Assert.That(options.Timeouts("$session").Idle, Is.EqualTo(TimeSpan.FromMinutes(expected)));
    }

    [Test]
    public void Group_of_workflows_has_options_of_its_own()
    {
        InMemorySessionStoreOptions options = new() { IdleTimeout = TimeSpan.FromMinutes(20) };
        options.Workflows("import-*", import => import.IdleTimeout = TimeSpan.FromMinutes(120));
        options.Workflows("import-*", import => import.AbsoluteTimeout = TimeSpan.FromMinutes(600));
        options.Workflows("$*", other => other.IdleTimeout = TimeSpan.FromMinutes(3));
        options.Workflow("import-7", one => one.IdleTimeout = TimeSpan.FromMinutes(5));
        Assert.Multiple(() =>
        {
            Assert.That(options.Timeouts("import-1"), Is.EqualTo(Minutes(120, 600)));
            Assert.That(options.Timeouts("import-"), Is.EqualTo(Minutes(120, 600)));
            Assert.That(options.Timeouts("import-7"), Is.EqualTo(Minutes(5, null)), "a single workflow goes before its group");
            Assert.That(options.Timeouts("IMPORT-1"), Is.EqualTo(Minutes(20, null)));
            Assert.That(options.Timeouts("import"), Is.EqualTo(Minutes(20, null)));
            Assert.That(options.Timeouts("$session"), Is.EqualTo(Minutes(240, null)), "twice the longest");
        });

        static (TimeSpan?, TimeSpan?) Minutes(int idle, int? absolute) =>
            (TimeSpan.FromMinutes(idle), absolute is { } minutes ? TimeSpan.FromMinutes(minutes) : null);
    }

    [TestCase("import", 60, "the workflow itself")]
    [TestCase("import~bbbbbbbbbbbb", 60, "an instance has the options of its workflow")]
    [TestCase("import~cccccccccccc", 5, "options of one instance go before those of its workflow")]
    [TestCase("import~short", 20, "another workflow")]
    [TestCase("other~bbbbbbbbbbbb", 20, "no options of its own")]
    [TestCase("batch-1~bbbbbbbbbbbb", 30, "an instance is in the group of its workflow")]
    [TestCase("batch-7~bbbbbbbbbbbb", 7, "the workflow goes before its group")]
    [TestCase("tilde~bbbbbbbbbbbb", 20, "a group is matched against the workflow id")]
    [TestCase("tilde~x~bbbbbbbbbbbb", 15, "a group is matched against the workflow id")]
    [TestCase("import~bbbbbbbbbbbb~dddddddddddd", 20, "an instance of an instance is not one of the workflow")]
    public void Instance_has_the_options_of_its_workflow(string id, int minutes, string why)
    {
        InMemorySessionStoreOptions options = new() { IdleTimeout = TimeSpan.FromMinutes(20) };
        options.Workflow("import", import => import.IdleTimeout = TimeSpan.FromMinutes(60));
        options.Workflow("import~cccccccccccc", one => one.IdleTimeout = TimeSpan.FromMinutes(5));
        options.Workflows("batch-*", batch => batch.IdleTimeout = TimeSpan.FromMinutes(30));
        options.Workflow("batch-7", one => one.IdleTimeout = TimeSpan.FromMinutes(7));
        options.Workflows("tilde~*", tilde => tilde.IdleTimeout = TimeSpan.FromMinutes(15));
        Assert.That(options.Timeouts(id).Idle, Is.EqualTo(TimeSpan.FromMinutes(minutes)), why);
    }

    [Test]
    public async Task Instance_expires_when_its_workflow_does()
    {
        Microsoft.Extensions.Time.Testing.FakeTimeProvider clock = new();
        InMemorySessionStoreOptions options = new() { IdleTimeout = TimeSpan.FromMinutes(20), TimeProvider = clock };
        options.Workflow("import", import => import.IdleTimeout = TimeSpan.FromMinutes(60));
        InMemorySessionStoreFactory store = new(options);
        WorkflowSession import = await WorkflowSession.StartAsync(store.Open("alice"), "import");
        import.Set("rows", 1);
        await import.CommitAsync();
        clock.Advance(TimeSpan.FromMinutes(59));
        Assert.That(await WorkflowSession.FindAsync(store.Open("alice"), "import", import.InstanceId), Is.Not.Null);
        clock.Advance(TimeSpan.FromMinutes(61));
        Assert.That(await WorkflowSession.FindAsync(store.Open("alice"), "import", import.InstanceId), Is.Null);
    }

    [TestCase("import")]
    [TestCase("*")]
    [TestCase("")]
    [TestCase("im*port")]
    [TestCase("im*port*")]
    public void Pattern_of_another_form_is_refused(string pattern) =>
        Assert.That(
            () => new InMemorySessionStoreOptions().Workflows(pattern, _ => { }),
            Throws.ArgumentException.With.Message.Contains($"'{pattern}'").And.Message.Contains("'import-*'")
        );

    [TestCase("import-csv-*")]
    [TestCase("im*")]
    public void Pattern_that_fits_the_same_workflows_as_another_is_refused(string pattern)
    {
        InMemorySessionStoreOptions options = new();
        options.Workflows("import-*", _ => { });
        Assert.That(
            () => options.Workflows(pattern, _ => { }),
            Throws.ArgumentException.With.Message.Contains($"'{pattern}'").And.Message.Contains("'import-*'")
        );
        Assert.That(() => options.Workflows("export-*", _ => { }), Throws.Nothing);
    }

    [Test]
    public void Secret_of_the_session_stays_for_ever_where_a_workflow_does()
    {
        InMemorySessionStoreOptions options = new();
        options.Workflow("lasting", workflow => workflow.IdleTimeout = null);
        options.Workflow("short", workflow => workflow.IdleTimeout = TimeSpan.FromMinutes(1));
        Assert.That(options.Timeouts("$session"), Is.EqualTo(((TimeSpan?)null, (TimeSpan?)null)));
    }

    [Test]
    public async Task Workflow_that_is_one_too_many_stays_when_another_request_has_committed_to_it()
    {
        ExampleDatabase database = new();
        BufferedSessionStoreOptions options = new() { MaxWorkflows = 1 };
        WorkflowSession first = new(new ExampleSessionStore(database, "session", options), "first");
        await first.UpdateAsync(w => w.Set("x", 1));
        Counting counting = new(database, options)
        {
            BeforeCount = async () =>
            {
                WorkflowSession other = new(new ExampleSessionStore(database, "session", options), "second");
                await other.LoadAsync();
                other.Set("other", 2);
                await other.CommitAsync();
            },
        };
        WorkflowSession second = new(counting, "second");
        await second.LoadAsync();
        second.Set("mine", 1);
        await second.CommitAsync();
        WorkflowSession stored = new(new ExampleSessionStore(database, "session", options), "second");
        await stored.LoadAsync();
        Assert.That(stored.Get<int>("other"), Is.EqualTo(2), "it was acknowledged");
        Assert.That(stored.Get<int>("mine"), Is.EqualTo(1), "it was acknowledged too");
    }

    private sealed class Counting(ExampleDatabase database, BufferedSessionStoreOptions options)
        : ExampleSessionStore(database, "session", options)
    {
        public required Func<Task> BeforeCount { get; init; }

        protected internal override async ValueTask<int> CountWorkflowsAsync(CancellationToken cancellationToken)
        {
            await BeforeCount();
            return await base.CountWorkflowsAsync(cancellationToken);
        }
    }

    private sealed class Failing(ExampleDatabase database, string sessionId, BufferedSessionStoreOptions options)
        : ExampleSessionStore(database, sessionId, options)
    {
        protected override ValueTask<WorkflowRecord?> LoadWorkflowAsync(string workflowId, CancellationToken cancellationToken) =>
            throw new IOException("disk");

        protected override ValueTask<IReadOnlyList<WorkflowSummary>> ListWorkflowsAsync(CancellationToken cancellationToken) =>
            throw new IOException("disk");

        protected override ValueTask EndWorkflowsAsync(CancellationToken cancellationToken) => throw new IOException("disk");
    }

    private sealed class Unversioned(ExampleDatabase database, string sessionId, BufferedSessionStoreOptions options)
        : ExampleSessionStore(database, sessionId, options)
    {
        public override SessionStoreCapabilities Capabilities { get; } = new();
    }

    /// <summary>Waits before everything for as long as somebody may cancel it.</summary>
    private sealed class Waiting(ExampleDatabase database, string sessionId, BufferedSessionStoreOptions options)
        : ExampleSessionStore(database, sessionId, options)
    {
        protected override async ValueTask<WorkflowRecord?> LoadWorkflowAsync(string workflowId, CancellationToken cancellationToken)
        {
            await WaitAsync(cancellationToken);
            return await base.LoadWorkflowAsync(workflowId, cancellationToken);
        }

        protected override async ValueTask<CommitResult> CommitWorkflowAsync(WorkflowCommit commit, CancellationToken cancellationToken)
        {
            await WaitAsync(cancellationToken);
            return await base.CommitWorkflowAsync(commit, cancellationToken);
        }

        protected override async ValueTask<IReadOnlyList<WorkflowSummary>> ListWorkflowsAsync(CancellationToken cancellationToken)
        {
            await WaitAsync(cancellationToken);
            return await base.ListWorkflowsAsync(cancellationToken);
        }

        protected override async ValueTask EndWorkflowsAsync(CancellationToken cancellationToken)
        {
            await WaitAsync(cancellationToken);
            await base.EndWorkflowsAsync(cancellationToken);
        }

        private static Task WaitAsync(CancellationToken cancellationToken) =>
            cancellationToken.CanBeCanceled ? Task.Delay(Timeout.Infinite, cancellationToken) : Task.CompletedTask;
    }
}
