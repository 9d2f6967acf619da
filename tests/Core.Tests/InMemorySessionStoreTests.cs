using Microsoft.Extensions.Time.Testing;

namespace WorkflowSessions.Tests;

/// <summary>What is particular to sessions in memory: room, and how it is made free.</summary>
public sealed class InMemorySessionStoreTests
{
    private readonly FakeTimeProvider _clock = new();

    [Test]
    public async Task Store_that_is_full_refuses_new_sessions_and_drops_none()
    {
        InMemorySessionStoreFactory factory = new(new InMemorySessionStoreOptions { TimeProvider = _clock, MaxSessions = 3 });
        for (int i = 0; i < 3; i++)
        {
            await SetAsync(factory, $"session{i}");
        }

        SessionStoreException? error = await Assert.ThrowsAsync<SessionStoreException>(async () => await SetAsync(factory, "a new one"));
        Assert.That(error!.MayBeStored, Is.False);
        Assert.That(error.WorkflowId, Is.EqualTo("checkout"));
        Assert.That(error.Message, Does.Contain("'checkout'").And.Contain("3").And.Contain("MaxSessions").And.Contain("Try again"));
        Assert.That(error.Message, Does.Not.Contain("a new one"));
        for (int i = 0; i < 3; i++)
        {
            await SetAsync(factory, $"session{i}");
            Assert.That(await GetAsync(factory, $"session{i}"), Is.EqualTo(1));
        }

        // Reading, and ending what is not there, need no room.
        Assert.That(await GetAsync(factory, "a new one"), Is.EqualTo(-1));
        await factory.Open("session0").EndAsync();
        await SetAsync(factory, "a new one");
        Assert.That(await GetAsync(factory, "a new one"), Is.EqualTo(1));
    }

    [Test]
    public async Task Store_that_is_full_of_expired_sessions_has_room()
    {
        InMemorySessionStoreFactory factory = new(new InMemorySessionStoreOptions { TimeProvider = _clock, MaxSessions = 2 });
        await SetAsync(factory, "a");
        await SetAsync(factory, "b");
        _clock.Advance(TimeSpan.FromMinutes(21));
        await SetAsync(factory, "c");
        Assert.That(factory.Sessions.Count, Is.EqualTo(1));
    }

    [Test]
    public async Task Memory_of_expired_sessions_is_freed_as_others_commit()
    {
        InMemorySessionStoreFactory factory = new(new InMemorySessionStoreOptions { TimeProvider = _clock });
        for (int i = 0; i < 100; i++)
        {
            await SetAsync(factory, $"old{i}");
        }

        Assert.That(factory.Sessions.Count, Is.EqualTo(100));
        _clock.Advance(TimeSpan.FromMinutes(21));
        for (int i = 0; i < 110; i++)
        {
            await SetAsync(factory, "current");
        }

        Assert.That(factory.Sessions.Count, Is.EqualTo(1));
        Assert.That(await GetAsync(factory, "current"), Is.EqualTo(1));
    }

    [Test]
    public async Task Ended_sessions_leave_nothing_behind()
    {
        InMemorySessionStoreFactory factory = new();
        await SetAsync(factory, "a");
        await factory.Open("a").EndAsync();
        await SetAsync(factory, "b");
        WorkflowSession workflow = new(factory.Open("b"), "checkout");
        await workflow.LoadAsync();
        workflow.End();
        await workflow.CommitAsync();
        Assert.That(factory.Sessions.Count, Is.Zero);
        Assert.That(factory.Sessions.Waiting, Is.Zero);
    }

    [Test]
    public async Task Commit_is_never_lost_to_the_freeing_of_its_session()
    {
        // One side ends sessions all the time, the other begins them: what was acknowledged last is there.
        InMemorySessionStoreFactory factory = new();
        await Task.WhenAll(
            Enumerable
                .Range(0, 4)
                .Select(worker =>
                    Task.Run(async () =>
                    {
                        for (int i = 0; i < 2_000; i++)
                        {
                            WorkflowSession own = new(factory.Open("shared"), $"worker{worker}");
                            await own.LoadAsync();
                            own.Set("i", i);
                            await own.CommitAsync();
                            await own.LoadAsync();
                            Assert.That(own.Get("i", -1), Is.EqualTo(i));
                            own.End();
                            await own.CommitAsync();
                        }
                    })
                )
        );
        Assert.That(factory.Sessions.Count, Is.Zero);
        Assert.That(factory.Sessions.Waiting, Is.Zero);
    }

    [Test]
    public async Task Absolute_timeout_ends_a_workflow_however_often_it_is_used()
    {
        InMemorySessionStoreOptions options = new() { TimeProvider = _clock, AbsoluteTimeout = TimeSpan.FromMinutes(30) };
        options.Workflow("import", workflow => workflow.AbsoluteTimeout = null);
        options.Workflow("short", workflow => workflow.IdleTimeout = TimeSpan.FromMinutes(1));
        InMemorySessionStoreFactory factory = new(options);
        string[] ids = ["checkout", "import"];
        foreach (string id in ids.Append("short"))
        {
            await SetAsync(factory, "a", id);
        }

        for (int minute = 0; minute < 30; minute += 10)
        {
            foreach (string id in ids)
            {
                Assert.That(await GetAsync(factory, "a", id), Is.EqualTo(1), $"{id} after {minute} minutes");
            }

            _clock.Advance(TimeSpan.FromMinutes(10));
        }

        Assert.That(await GetAsync(factory, "a", "checkout"), Is.EqualTo(-1));
        Assert.That(await GetAsync(factory, "a", "import"), Is.EqualTo(1));
        Assert.That(await GetAsync(factory, "a", "short"), Is.EqualTo(-1));
    }

    [Test]
    public void Bad_options_are_refused_by_name()
    {
        Assert.Multiple(() =>
        {
            AssertRefused(options => options.MaxEntries = 0, "MaxEntries");
            AssertRefused(options => options.MaxWorkflowBytes = -1, "MaxWorkflowBytes");
            AssertRefused(options => options.MaxWorkflows = 0, "MaxWorkflows");
            AssertRefused(options => options.UpdateTimeout = TimeSpan.Zero, "UpdateTimeout");
            AssertRefused(options => options.IdleTimeout = TimeSpan.Zero, "IdleTimeout");
            AssertRefused(options => options.AbsoluteTimeout = -TimeSpan.FromMinutes(1), "AbsoluteTimeout");
            AssertRefused(options => options.Serializer = null!, "Serializer");
            AssertRefused(options => options.TimeProvider = null!, "TimeProvider");
            AssertRefused(options => options.MaxSessions = 0, "MaxSessions");
            AssertRefused(options => options.Workflow("checkout", w => w.IdleTimeout = TimeSpan.Zero), "checkout");
            AssertRefused(options => options.Workflow("checkout", w => w.AbsoluteTimeout = TimeSpan.Zero), "checkout");
            AssertRefused(options => options.Workflows("import-*", w => w.IdleTimeout = TimeSpan.Zero), "import-*");
            Assert.That(() => new InMemorySessionStoreOptions().Workflow("", _ => { }), Throws.ArgumentException);
            Assert.That(() => new InMemorySessionStoreOptions().Workflow("a", null!), Throws.ArgumentNullException);
            Assert.That(() => new InMemorySessionStoreFactory().Open(""), Throws.ArgumentException);
            Assert.That(() => new InMemorySessionStoreFactory().Open(null!), Throws.ArgumentNullException);
        });
    }

    [Test]
    public void No_timeout_at_all_is_allowed_in_memory() =>
        Assert.That(() => new InMemorySessionStoreFactory(new InMemorySessionStoreOptions { IdleTimeout = null }), Throws.Nothing);

    private static void AssertRefused(Action<InMemorySessionStoreOptions> configure, string name)
    {
        InMemorySessionStoreOptions options = new();
        configure(options);
        Assert.That(() => new InMemorySessionStoreFactory(options), Throws.ArgumentException.With.Message.Contains(name));
    }

    private static async Task SetAsync(InMemorySessionStoreFactory factory, string sessionId, string workflowId = "checkout")
    {
        WorkflowSession workflow = new(factory.Open(sessionId), workflowId);
        await workflow.LoadAsync();
        workflow.Set("x", 1);
        await workflow.CommitAsync();
    }

    private static async Task<int> GetAsync(InMemorySessionStoreFactory factory, string sessionId, string workflowId = "checkout")
    {
        WorkflowSession workflow = new(factory.Open(sessionId), workflowId);
        await workflow.LoadAsync();
        return workflow.Get("x", -1);
    }
}
