using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;

namespace WorkflowSessions.AspNetCore.Tests;

/// <summary>From the cookie to the session, on every store.</summary>
[TestFixtureSource(typeof(Stores), nameof(Stores.All))]
public sealed class CookieTests(string store)
{
    private Application _application = null!;

    private bool Lists => _application.Services.GetRequiredService<ISessionStoreFactory>().Open("any").Capabilities.Listing;

    [SetUp]
    public async Task SetUp() => _application = await Application.StartAsync(await Stores.CreateAsync(store));

    [TearDown]
    public async Task TearDown() => await _application.DisposeAsync();

    [Test]
    public async Task Workflows_of_a_browser_stay_from_request_to_request()
    {
        using Browser alice = _application.Browser();
        using Browser bob = _application.Browser();
        Assert.That(await alice.PostAsync("/set/checkout/step/2"), Is.EqualTo("saved"));
        Assert.That(await alice.PostAsync("/set/registration/step/7"), Is.EqualTo("saved"));
        Assert.That(await bob.PostAsync("/set/checkout/step/9"), Is.EqualTo("saved"));
        Assert.That(await alice.GetAsync("/get/checkout/step"), Is.EqualTo("2"));
        Assert.That(await alice.GetAsync("/get/registration/step"), Is.EqualTo("7"));
        Assert.That(await bob.GetAsync("/get/checkout/step"), Is.EqualTo("9"));
        if (Lists)
        {
            Assert.That(await alice.GetAsync("/list"), Is.EqualTo("checkout registration"));
        }
    }

    [Test]
    public async Task Cookie_is_set_by_the_first_write_alone()
    {
        using Browser browser = _application.Browser();
        foreach (string path in new[] { "/nothing", "/get/checkout/step", "/list" })
        {
            using HttpResponseMessage reading = await browser.SendAsync(HttpMethod.Get, path);
            Assert.That(reading.StatusCode, Is.EqualTo(HttpStatusCode.OK));
            Assert.That(Browser.SetCookieOf(reading), Is.Null);
        }

        using HttpResponseMessage first = await browser.SendAsync(HttpMethod.Post, "/set/checkout/step/2");
        Assert.That(
            Browser.SetCookieOf(first),
            Does.Match("^__Host-WorkflowSessions\\.[^=]+=[A-Za-z0-9_-]{64}; path=/; secure; samesite=lax; httponly$")
        );
        Assert.That(first.Headers.CacheControl!.NoStore, Is.True);
        using HttpResponseMessage second = await browser.SendAsync(HttpMethod.Post, "/set/checkout/step/3");
        Assert.That(Browser.SetCookieOf(second), Is.Null);
    }

    [TestCase("update")]
    [TestCase("commit")]
    public async Task Session_begins_also_when_a_workflow_commits_by_itself(string how)
    {
        await using Application application = await Application.StartAsync(
            await Stores.CreateAsync(store),
            map: app =>
                app.MapPost(
                    "/own",
                    async (IWorkflowSessions sessions, CancellationToken ct) =>
                    {
                        WorkflowSession workflow = await sessions.OpenAsync("checkout", ct);
                        if (how == "update")
                        {
                            await workflow.UpdateAsync(w => w.Set("step", "2"), ct);
                        }
                        else
                        {
                            workflow.Set("step", "2");
                            await workflow.CommitAsync(ct);
                        }

                        (await sessions.OpenAsync("other", ct)).Set("x", "1");
                    }
                )
        );
        using Browser browser = application.Browser();
        Assert.That(await browser.PostAsync("/own"), Is.Empty);
        Assert.That(browser.Cookie, Is.Not.Null);
        Assert.That(await browser.GetAsync("/get/checkout/step"), Is.EqualTo("2"));
        Assert.That(await browser.GetAsync("/get/other/x"), Is.EqualTo("1"));
    }

    [TestCase("")]
    [TestCase("x")]
    [TestCase("nonsense nonsense")]
    [TestCase("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA!")]
    [TestCase("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")]
    [TestCase("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")]
    [TestCase("AAAAAAAAAAAAAAAAAAAAA                                           ")]
    [TestCase("%00%ff%0d%0aSet-Cookie:%20x=y")]
    public async Task Cookie_of_another_form_gives_a_new_session(string cookie) => await GivesNewSessionAsync(cookie);

    [Test]
    public async Task Cookie_that_is_far_too_long_gives_a_new_session() => await GivesNewSessionAsync(new string('A', 8_000));

    [Test]
    public async Task Session_that_a_client_made_up_is_not_adopted()
    {
        string made = new('A', 64);
        string cookie = await GivesNewSessionAsync(made);
        Assert.That(cookie[..21], Is.Not.EqualTo(made[..21]));
    }

    [Test]
    public async Task New_secret_keeps_the_data_and_takes_all_rights_from_the_old_cookie()
    {
        using Browser browser = _application.Browser();
        await browser.PostAsync("/set/checkout/step/2");
        string old = browser.Cookie!;
        Assert.That(await browser.PostAsync("/sign-in"), Is.Empty);
        Assert.That(browser.Cookie, Is.Not.EqualTo(old));
        Assert.That(await browser.GetAsync("/get/checkout/step"), Is.EqualTo("2"));

        using Browser thief = _application.Browser();
        thief.Cookie = old;
        foreach (string path in Lists ? ["/get/checkout/step", "/list"] : new[] { "/get/checkout/step" })
        {
            using HttpResponseMessage reading = await thief.SendAsync(HttpMethod.Get, path);
            Assert.That(await reading.Content.ReadAsStringAsync(), Is.EqualTo(path == "/list" ? "" : "none"));
            Assert.That(Browser.SetCookieOf(reading), Is.Null);
        }

        using HttpResponseMessage writing = await thief.SendAsync(HttpMethod.Post, "/set/checkout/step/3");
        Assert.That(writing.StatusCode, Is.EqualTo(HttpStatusCode.Conflict));
        Assert.That(await writing.Content.ReadAsStringAsync(), Does.Contain("StaleSession").And.Contain("checkout"));
        Assert.That(Browser.SetCookieOf(writing), Is.Null);
        Assert.That(await browser.GetAsync("/get/checkout/step"), Is.EqualTo("2"));
    }

    [Test]
    public async Task Old_cookie_may_sign_in_anew_but_gets_nothing_of_the_session()
    {
        using Browser browser = _application.Browser();
        await browser.PostAsync("/set/checkout/step/2");
        string old = browser.Cookie!;
        await browser.PostAsync("/sign-in");
        using Browser late = _application.Browser();
        late.Cookie = old;
        Assert.That(await late.PostAsync("/sign-out"), Is.EqualTo("409"));
        Assert.That(await late.PostAsync("/sign-in"), Is.Empty);
        Assert.That(late.Cookie, Is.Null, "nothing was written, so there is no new session yet");
        Assert.That(await browser.GetAsync("/get/checkout/step"), Is.EqualTo("2"));
    }

    [Test]
    public async Task Ended_session_is_gone_with_its_cookie()
    {
        using Browser browser = _application.Browser();
        await browser.PostAsync("/set/checkout/step/2");
        string old = browser.Cookie!;
        Assert.That(await browser.PostAsync("/sign-out"), Is.Empty);
        Assert.That(browser.Cookie, Is.Null);
        browser.Cookie = old;
        Assert.That(await browser.GetAsync("/get/checkout/step"), Is.EqualTo("none"));
        Assert.That(await browser.PostAsync("/set/checkout/step/3"), Is.EqualTo("saved"));
        Assert.That(browser.Cookie![..21], Is.Not.EqualTo(old[..21]), "a new session has a new root");
    }

    [Test]
    public async Task Two_first_requests_at_a_time_begin_two_sessions_and_both_are_stored()
    {
        using Browser first = _application.Browser();
        using Browser second = _application.Browser();
        string[] answers = await Task.WhenAll(first.PostAsync("/set/checkout/step/1"), second.PostAsync("/set/checkout/step/2"));
        Assert.That(answers, Is.All.EqualTo("saved"));
        Assert.That(first.Cookie, Is.Not.EqualTo(second.Cookie));
        Assert.That(await first.GetAsync("/get/checkout/step"), Is.EqualTo("1"));
        Assert.That(await second.GetAsync("/get/checkout/step"), Is.EqualTo("2"));
    }

    [Test]
    public async Task Thousand_requests_of_one_session_at_a_time_are_all_counted()
    {
        await using Application application = await Application.StartAsync(
            await Stores.CreateAsync(store),
            map: app =>
                app.MapPost(
                    "/count",
                    async (IWorkflowSessions sessions, CancellationToken ct) =>
                    {
                        WorkflowSession workflow = await sessions.OpenAsync("counter", ct);
                        await workflow.UpdateAsync(w => w.Set("n", w.Get("n", 0) + 1), ct);
                        return workflow.Get<int>("n");
                    }
                )
        );
        using Browser browser = application.Browser();
        await browser.PostAsync("/set/checkout/step/1");
        string[] answers = await Task.WhenAll(Enumerable.Range(0, 1_000).Select(_ => browser.PostAsync("/count")));
        Assert.That(answers.Select(int.Parse).Order(), Is.EqualTo(Enumerable.Range(1, 1_000)));
    }

    [Test]
    public async Task Ids_are_in_no_log_and_no_response()
    {
        using Browser browser = _application.Browser();
        List<string> cookies = [];
        List<string> bodies = [];
        foreach (string path in new[] { "/set/checkout/step/2", "/sign-in", "/set/checkout/step/3", "/sign-out" })
        {
            bodies.Add(await browser.PostAsync(path));
            cookies.Add(browser.Cookie ?? cookies[^1]);
        }

        using Browser late = _application.Browser();
        late.Cookie = cookies[0];
        await late.GetAsync("/get/checkout/step");
        using HttpResponseMessage refused = await late.SendAsync(HttpMethod.Post, "/set/checkout/step/4");
        bodies.Add(await refused.Content.ReadAsStringAsync());
        string[] secrets = [.. cookies.SelectMany(cookie => new[] { cookie[..21], cookie[24..] }).Distinct()];
        string[] output = [.. _application.Log.Messages, .. bodies];
        Assert.That(_application.Log.Messages, Has.Count.GreaterThan(20));
        Assert.That(output.Where(text => secrets.Any(secret => text.Contains(secret, StringComparison.Ordinal))), Is.Empty);
    }

    /// <returns>The cookie of the new session.</returns>
    private async Task<string> GivesNewSessionAsync(string cookie)
    {
        using Browser browser = _application.Browser();
        browser.Cookie = cookie;
        using HttpResponseMessage reading = await browser.SendAsync(HttpMethod.Get, "/get/checkout/step");
        Assert.That(await reading.Content.ReadAsStringAsync(), Is.EqualTo("none"));
        Assert.That(Browser.SetCookieOf(reading), Is.Null);
        Assert.That(await browser.PostAsync("/set/checkout/step/2"), Is.EqualTo("saved"));
        Assert.That(browser.Cookie, Is.Not.EqualTo(cookie).And.Length.EqualTo(64));
        Assert.That(await browser.GetAsync("/get/checkout/step"), Is.EqualTo("2"));
        return browser.Cookie!;
    }
}
