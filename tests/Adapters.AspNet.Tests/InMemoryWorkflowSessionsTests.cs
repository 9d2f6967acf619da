using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Time.Testing;

namespace WorkflowSessions.AspNetCore.Tests;

/// <summary>Unit tests of handlers as an application writes them.</summary>
public sealed class InMemoryWorkflowSessionsTests
{
    [Test]
    public async Task Handler_is_tested_in_two_lines()
    {
        InMemoryWorkflowSessions sessions = new();
        await new StepController(sessions).SetAsync(3, CancellationToken.None);

        await sessions.NextRequestAsync();
        Assert.That((await sessions.OpenAsync("checkout")).Get<string>("step"), Is.EqualTo("3"));
        Assert.That((await sessions.ListAsync()).Select(workflow => workflow.Id), Is.EqualTo(new[] { "checkout" }));
    }

    [TestCase(null, true)]
    [TestCase(false, false)]
    public async Task Value_that_would_come_back_as_another_is_refused_unless_the_options_say_otherwise(bool? option, bool expected)
    {
        InMemoryWorkflowSessions sessions = new(option is null ? null : new InMemorySessionStoreOptions { VerifyValues = option });
        WorkflowSession checkout = await sessions.OpenAsync("checkout");
        Action set = () => checkout.Set("names", new HashSet<string>(StringComparer.OrdinalIgnoreCase));
        Assert.That(set, expected ? Throws.InstanceOf<WorkflowValueException>() : Throws.Nothing);
    }

    [Test]
    public async Task Uploaded_file_is_refused()
    {
        WorkflowSession checkout = await new InMemoryWorkflowSessions().OpenAsync("checkout");
        FormFile file = new(Stream.Null, 0, 0, "photo", "photo.jpg");
        Assert.That(() => checkout.Set<IFormFile>("file", file), Throws.InstanceOf<WorkflowValueException>());
        Assert.That(() => checkout.Set("file", file), Throws.InstanceOf<WorkflowValueException>());
        Assert.That(() => checkout.Set("files", new FormFileCollection { file }), Throws.InstanceOf<WorkflowValueException>());
    }

    [Test]
    public async Task Clock_of_the_test_is_used()
    {
        FakeTimeProvider clock = new();
        InMemoryWorkflowSessions sessions = new(new InMemorySessionStoreOptions { TimeProvider = clock });
        await new StepController(sessions).SetAsync(3, CancellationToken.None);
        await sessions.NextRequestAsync();
        clock.Advance(TimeSpan.FromMinutes(21));
        Assert.That((await sessions.OpenAsync("checkout")).Has("step"), Is.False);
    }

    [Test]
    public async Task Second_page_opens_only_a_workflow_that_exists()
    {
        FakeTimeProvider clock = new();
        InMemoryWorkflowSessions sessions = new(new InMemorySessionStoreOptions { TimeProvider = clock });
        Assert.That(await sessions.OpenExistingAsync("checkout"), Is.Null);
        (await sessions.OpenAsync("checkout")).Set("step", 1);
        Assert.That(await sessions.OpenExistingAsync("checkout"), Is.Not.Null, "this request has begun it");
        await sessions.NextRequestAsync();
        WorkflowSession? existing = await sessions.OpenExistingAsync("checkout");
        Assert.That(existing!.Get<int>("step"), Is.EqualTo(1));
        Assert.That(await sessions.OpenAsync("checkout"), Is.SameAs(existing));
        await sessions.NextRequestAsync();

        clock.Advance(TimeSpan.FromMinutes(21));
        Assert.That(await sessions.OpenExistingAsync("checkout"), Is.Null, "it has expired");
        await sessions.NextRequestAsync();
        Assert.That(await sessions.ListAsync(), Is.Empty, "nothing was begun by looking");
    }

    [Test]
    public async Task Sign_in_and_sign_out_are_seen()
    {
        InMemoryWorkflowSessions sessions = new();
        await sessions.RegenerateIdAsync();
        Assert.That(sessions.Regenerations, Is.EqualTo(1));
        (await sessions.OpenAsync("checkout")).Set("step", 1);
        await sessions.CommitAsync();
        await sessions.EndSessionAsync();
        Assert.That(sessions.HasEnded, Is.True);
        Assert.That((await sessions.OpenAsync("checkout")).Has("step"), Is.False);
        Assert.That(sessions.HasEnded, Is.False);
    }

    [Test]
    public async Task What_is_not_committed_is_not_there_in_another_request()
    {
        InMemoryWorkflowSessions sessions = new();
        (await sessions.OpenAsync("checkout")).Set("step", 1);
        Assert.That(await sessions.ListAsync(), Is.Empty);
        sessions.DiscardChanges();
        WorkflowSession first = await sessions.OpenAsync("checkout");
        Assert.That(first.Has("step"), Is.False);
        Assert.That(await sessions.OpenAsync("checkout"), Is.SameAs(first));
    }
}
