using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Time.Testing;

namespace WorkflowSessions.AspNetCore.Tests;

/// <summary>Two tabs of one wizard, over HTTP: each tab has an instance of the workflow.</summary>
public sealed class InstanceTests
{
    private const string None = "410";

    private readonly FakeTimeProvider _clock = new();
    private InMemorySessionStoreFactory _store = null!;
    private Application _application = null!;
    private Browser _browser = null!;

    [SetUp]
    public async Task SetUp()
    {
        InMemorySessionStoreOptions options = new() { TimeProvider = _clock, MaxWorkflows = 5 };
        options.Workflow("import", import => import.IdleTimeout = TimeSpan.FromHours(1));
        _store = new InMemorySessionStoreFactory(options);
        _application = await Application.StartAsync(_store, Map);
        _browser = _application.Browser();
    }

    [TearDown]
    public async Task TearDown()
    {
        _browser.Dispose();
        await _application.DisposeAsync();
    }

    [Test]
    public async Task Two_tabs_have_two_instances()
    {
        string first = await _browser.PostAsync("/import");
        string second = await _browser.PostAsync("/import");
        Assert.That(first, Does.Match("^[A-Za-z0-9_-]{12}$").And.Not.EqualTo(second));
        Assert.That(await _browser.PostAsync($"/import/step?id={first}&name=a"), Is.EqualTo("saved"));
        Assert.That(await _browser.PostAsync($"/import/step?id={second}&name=b"), Is.EqualTo("saved"));
        Assert.That(await _browser.GetAsync($"/import?id={first}"), Is.EqualTo("a"));
        Assert.That(await _browser.GetAsync($"/import?id={second}"), Is.EqualTo("b"));
        Assert.That(await _browser.GetAsync("/imports"), Is.EqualTo(Joined(first, second)));

        Assert.That(await _browser.PostAsync($"/import/end?id={first}"), Is.EqualTo("ended"));
        Assert.That(await _browser.GetAsync($"/import?id={first}"), Is.EqualTo(None));
        Assert.That(await _browser.GetAsync($"/import?id={second}"), Is.EqualTo("b"));
        Assert.That(await _browser.GetAsync("/imports"), Is.EqualTo(second));
    }

    [Test]
    public async Task Instance_of_another_visitor_is_not_found_and_not_begun()
    {
        string instance = await _browser.PostAsync("/import");
        using Browser stranger = _application.Browser();
        Assert.That(await stranger.PostAsync($"/import/step?id={instance}&name=b"), Is.EqualTo(None), "a visitor without a session");
        Assert.That(stranger.Cookie, Is.Null, "looking begins no session");
        _ = await stranger.PostAsync("/set/checkout/step/1");
        Assert.That(await stranger.GetAsync($"/import?id={instance}"), Is.EqualTo(None), "a visitor with a session");
        Assert.That(await stranger.PostAsync($"/import/step?id={instance}&name=b"), Is.EqualTo(None));
        Assert.That(await stranger.PostAsync($"/import/end?id={instance}"), Is.EqualTo(None));
        Assert.That(await stranger.GetAsync("/list"), Is.EqualTo("checkout"));
        Assert.That(await _browser.GetAsync($"/import?id={instance}"), Is.EqualTo("new"));
    }

    [Test]
    public async Task Malformed_or_unknown_instance_is_not_found_and_not_begun()
    {
        _ = await _browser.PostAsync("/set/checkout/step/1");
        string[] tokens =
        [
            "",
            "~",
            "bbbbbbbbbbb",
            "bbbbbbbbbbbbb",
            "bbbbbb%0Abbbbb",
            "bbbbbb%00bbbbb",
            "bbbbbb.bbbbb",
            "%F0%9F%98%80bbbbbbbbbb",
            "bbbbbbbbbbbb",
        ];
        foreach (string token in tokens)
        {
            Assert.That(await _browser.PostAsync($"/import/step?id={token}&name=b"), Is.EqualTo(None), token);
        }

        Assert.That(await _browser.PostAsync("/import/step?name=b"), Is.EqualTo(None), "no token at all");
        Assert.That(await _browser.GetAsync("/list"), Is.EqualTo("checkout"));
    }

    [Test]
    public async Task Step_that_is_posted_to_an_expired_instance_begins_nothing()
    {
        string instance = await _browser.PostAsync("/import");
        _clock.Advance(TimeSpan.FromMinutes(59));
        Assert.That(await _browser.GetAsync($"/import?id={instance}"), Is.EqualTo("new"), "it has the idle timeout of its workflow");
        _clock.Advance(TimeSpan.FromMinutes(61));
        Assert.That(await _browser.PostAsync($"/import/step?id={instance}&name=late"), Is.EqualTo(None));
        Assert.That(await _browser.GetAsync("/imports"), Is.Empty);
    }

    [Test]
    public async Task Step_that_is_posted_to_an_ended_instance_begins_nothing()
    {
        string instance = await _browser.PostAsync("/import");
        _ = await _browser.PostAsync($"/import/end?id={instance}");
        Assert.That(await _browser.PostAsync($"/import/step?id={instance}&name=late"), Is.EqualTo(None));
        Assert.That(await _browser.GetAsync("/imports"), Is.Empty);
    }

    [Test]
    public async Task Instance_that_the_other_tab_ends_during_a_step_is_refused_and_does_not_begin_anew()
    {
        string instance = await _browser.PostAsync("/import");
        Assert.That(await _browser.PostAsync($"/import/overtaken?id={instance}"), Is.EqualTo("409"));
        Assert.That(await _browser.GetAsync("/imports"), Is.Empty);
    }

    [Test]
    public async Task One_instance_more_than_a_session_may_have_is_refused()
    {
        for (int i = 0; i < 5; i++)
        {
            Assert.That(await _browser.PostAsync("/import"), Has.Length.EqualTo(12));
        }

        Assert.That(async () => await _browser.PostAsync("/import"), Throws.InstanceOf<WorkflowLimitException>());
        Assert.That((await _browser.GetAsync("/imports")).Split(' '), Has.Length.EqualTo(5));
    }

    private static string Joined(params string[] instances) => string.Join(' ', instances.Order(StringComparer.Ordinal));

    private void Map(WebApplication app)
    {
        app.MapPost(
            "/import",
            async (IWorkflowSessions workflows, CancellationToken ct) =>
            {
                WorkflowSession import = await workflows.StartAsync("import", ct);
                import.Set("name", "new");
                return import.InstanceId;
            }
        );
        app.MapGet(
            "/import",
            async (string? id, IWorkflowSessions workflows, CancellationToken ct) =>
                await workflows.FindAsync("import", id, ct) is { } import
                    ? Results.Text(import.Get<string>("name"))
                    : Results.StatusCode(StatusCodes.Status410Gone)
        );
        app.MapPost(
            "/import/step",
            async (string? id, string name, IWorkflowSessions workflows, CancellationToken ct) =>
            {
                if (await workflows.FindAsync("import", id, ct) is not { } import)
                {
                    return Results.StatusCode(StatusCodes.Status410Gone);
                }

                import.Set("name", name);
                return Results.Text("saved");
            }
        );
        app.MapPost(
            "/import/end",
            async (string? id, IWorkflowSessions workflows, CancellationToken ct) =>
            {
                if (await workflows.FindAsync("import", id, ct) is not { } import)
                {
                    return Results.StatusCode(StatusCodes.Status410Gone);
                }

                import.End();
                return Results.Text("ended");
            }
        );
        app.MapPost(
            "/import/overtaken",
            async (string id, IWorkflowSessions workflows, CancellationToken ct) =>
            {
                WorkflowSession import = (await workflows.FindAsync("import", id, ct))!;
                using HttpResponseMessage ended = await _browser.SendAsync(HttpMethod.Post, $"/import/end?id={id}");
                Assert.That(ended.StatusCode, Is.EqualTo(HttpStatusCode.OK));
                import.Set("name", "late");
            }
        );
        app.MapGet(
            "/imports",
            async (IWorkflowSessions workflows, CancellationToken ct) =>
                Joined([.. (await workflows.ListAsync("import", ct)).Select(import => import.InstanceId!)])
        );
    }
}
