using Microsoft.Extensions.Time.Testing;

namespace WorkflowSessions.AspNetCore.Tests;

/// <summary>Unit tests of a wizard that runs in two tabs.</summary>
public sealed class InMemoryWorkflowSessionsInstanceTests
{
    private readonly FakeTimeProvider _clock = new();
    private InMemoryWorkflowSessions _sessions = null!;

    private InMemorySessionStoreOptions Options => new() { TimeProvider = _clock };

    [SetUp]
    public void SetUp() => _sessions = new InMemoryWorkflowSessions(Options);

    [Test]
    public async Task Two_tabs_have_two_instances()
    {
        string first = await StartAsync(_sessions, "a");
        InMemoryWorkflowSessions tab = _sessions.NewTab();
        string second = await StartAsync(tab, "b");
        WorkflowSession found = (await _sessions.FindAsync("import", second))!;
        Assert.Multiple(async () =>
        {
            Assert.That(found.Get<string>("name"), Is.EqualTo("b"));
            Assert.That((found.WorkflowId, found.InstanceId), Is.EqualTo(("import", second)));
            Assert.That((await _sessions.FindAsync("import", first))?.Get<string>("name"), Is.EqualTo("a"));
            Assert.That((await tab.ListAsync("import")).Select(import => import.InstanceId), Is.EquivalentTo(new[] { first, second }));
            Assert.That(await tab.ListAsync("export"), Is.Empty);
        });

        (await tab.FindAsync("import", first))!.End();
        await tab.NextRequestAsync();
        await _sessions.NextRequestAsync();
        Assert.That(await _sessions.FindAsync("import", first), Is.Null, "the other tab has ended it");
        Assert.That(await _sessions.FindAsync("import", second), Is.Not.Null);
    }

    [Test]
    public async Task Instance_is_stored_by_its_first_commit_and_not_by_its_start()
    {
        WorkflowSession import = await _sessions.StartAsync("import");
        Assert.That(import.IsLoaded, Is.True);
        Assert.That(import.HasChanges, Is.False);
        await _sessions.NextRequestAsync();
        Assert.That(() => _sessions.NewTab(), Throws.InvalidOperationException, "no session has begun");
        Assert.That(await _sessions.ListAsync("import"), Is.Empty);
    }

    [Test]
    public async Task Request_finds_the_instance_that_it_has_begun_and_not_the_one_that_it_has_ended()
    {
        WorkflowSession import = await _sessions.StartAsync("import");
        import.Set("name", "a");
        Assert.That(await _sessions.FindAsync("import", import.InstanceId), Is.SameAs(import));
        await _sessions.CommitAsync();
        import.End();
        Assert.That(await _sessions.FindAsync("import", import.InstanceId), Is.Null, "before the commit");
        await _sessions.CommitAsync();
        Assert.That(await _sessions.FindAsync("import", import.InstanceId), Is.Null, "after it");
    }

    [Test]
    public async Task Workflow_that_the_request_has_ended_is_not_an_existing_one()
    {
        await _sessions.ArrangeAsync("checkout", checkout => checkout.Set("step", 1));
        (await _sessions.OpenExistingAsync("checkout"))!.End();
        Assert.That(await _sessions.OpenExistingAsync("checkout"), Is.Null);
    }

    [Test]
    public async Task Another_visitor_does_not_find_an_instance()
    {
        string instance = await StartAsync(_sessions, "a");
        InMemoryWorkflowSessions stranger = new(Options);
        Assert.That(await stranger.FindAsync("import", instance), Is.Null);
        await stranger.NextRequestAsync();
        Assert.That(await stranger.ListAsync(), Is.Empty);
    }

    [Test]
    public async Task Expired_instance_is_not_found()
    {
        string instance = await StartAsync(_sessions, "a");
        _clock.Advance(TimeSpan.FromMinutes(21));
        Assert.That(await _sessions.FindAsync("import", instance), Is.Null);
        Assert.That(await _sessions.ListAsync("import"), Is.Empty);
    }

    [Test]
    public async Task Malformed_instance_id_is_not_found_and_opens_nothing()
    {
        _ = await StartAsync(_sessions, "a");
        string?[] tokens =
        [
            null,
            "",
            "~",
            "bbbbbbbbbbb",
            "bbbbbbbbbbbbb",
            "bbbbbb=bbbbb",
            "bbbbbb\uD83Dbbbbb",
            "bbbbbb~bbbbb",
            new('b', 1_048_576),
        ];
        foreach (string? token in tokens)
        {
            Assert.That(await _sessions.FindAsync("import", token), Is.Null);
        }

        await _sessions.NextRequestAsync();
        Assert.That(await _sessions.ListAsync(), Has.Count.EqualTo(1));
    }

    [TestCase(null)]
    [TestCase("")]
    [TestCase("$session")]
    [TestCase("$http")]
    [TestCase("lone surrogate")]
    [TestCase("116 units")]
    public void Invalid_workflow_id_is_refused_whatever_the_instance_id(string? id)
    {
        // An attribute can't hold a lone surrogate.
        string workflowId = id switch
        {
            "lone surrogate" => "a\uD83D",
            "116 units" => new string('x', 116),
            _ => id!,
        };
        Assert.Multiple(() =>
        {
            Assert.That(async () => await _sessions.StartAsync(workflowId), Refused());
            Assert.That(async () => await _sessions.FindAsync(workflowId, "bbbbbbbbbbbb"), Refused());
            Assert.That(async () => await _sessions.FindAsync(workflowId, "malformed"), Refused());
            Assert.That(async () => await _sessions.ListAsync(workflowId), Refused());
        });

        static NUnit.Framework.Constraints.IResolveConstraint Refused() =>
            Throws.InstanceOf<ArgumentException>().With.Property("ParamName").EqualTo("workflowId");
    }

    [Test]
    public async Task Longest_workflow_id_has_instances()
    {
        WorkflowSession import = await _sessions.StartAsync(new string('x', 115));
        import.Set("name", "a");
        await _sessions.NextRequestAsync();
        Assert.That(await _sessions.FindAsync(new string('x', 115), import.InstanceId), Is.Not.Null);
    }

    private static async Task<string> StartAsync(InMemoryWorkflowSessions sessions, string name)
    {
        WorkflowSession import = await sessions.StartAsync("import");
        import.Set("name", name);
        await sessions.NextRequestAsync();
        return import.InstanceId!;
    }
}
