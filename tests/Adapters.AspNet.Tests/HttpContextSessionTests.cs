using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;

namespace WorkflowSessions.AspNetCore.Tests;

/// <summary>
/// What applications see of <c>HttpContext.Session</c>, on the session of the framework and on ours. Where the two differ, the name of the test begins with
/// Difference, and docs/drop-in.md has a line for it.
/// </summary>
[TestFixture(SessionApplication.Original)]
[TestFixture(SessionApplication.Ours)]
public sealed class HttpContextSessionTests
{
    private static readonly InvalidOperationException Down = new("The server is down.");

    private readonly string _kind;
    private readonly FakeTimeProvider _clock = new(new DateTimeOffset(2026, 7, 28, 12, 0, 0, TimeSpan.Zero));
    private readonly StoreOfTest _store = new();
    private readonly CacheOfTest _cache = new();

    public HttpContextSessionTests(string kind)
    {
        _kind = kind;
        _store.Options.TimeProvider = _clock;
    }

    private bool IsOurs => _kind == SessionApplication.Ours;

    [Test]
    public async Task Values_are_there_in_the_same_request_and_in_the_next()
    {
        byte[] bytes = [0, 1, 255];
        await using SessionApplication application = await StartAsync(app =>
        {
            app.MapPost(
                "/all",
                (HttpContext context) =>
                {
                    context.Session.Set("bytes", bytes);
                    context.Session.Set("empty", []);
                    context.Session.SetInt32("number", -7);
                    context.Session.SetString("text", "Grüße \U0001F600");
                    return Read(context.Session);
                }
            );
            app.MapGet("/all", (HttpContext context) => Read(context.Session));
        });
        using Browser browser = application.Browser();
        string expected = $"0001FF  -7 Grüße \U0001F600";
        Assert.That(await browser.PostAsync("/all"), Is.EqualTo(expected));
        Assert.That(await browser.GetAsync("/all"), Is.EqualTo(expected));

        static string Read(ISession session) =>
            $"{Convert.ToHexString(session.Get("bytes")!)} {Convert.ToHexString(session.Get("empty")!)} {session.GetInt32("number")} {session.GetString("text")}";
    }

    [Test]
    public async Task Absent_key_is_told_from_an_empty_value()
    {
        await using SessionApplication application = await StartAsync(app =>
            app.MapGet(
                "/absent",
                (HttpContext context) =>
                {
                    bool found = context.Session.TryGetValue("absent", out byte[]? value);
                    context.Session.SetString("empty", "");
                    return $"{found} {value is null} {context.Session.GetInt32("absent") is null} {context.Session.GetString("empty")!.Length}";
                }
            )
        );
        using Browser browser = application.Browser();
        Assert.That(await browser.GetAsync("/absent"), Is.EqualTo("False True True 0"));
    }

    [Test]
    public async Task Value_is_a_copy_of_what_was_set()
    {
        await using SessionApplication application = await StartAsync(app =>
            app.MapPost(
                "/copy",
                (HttpContext context) =>
                {
                    byte[] bytes = [1];
                    context.Session.Set("bytes", bytes);
                    bytes[0] = 2;
                    return context.Session.Get("bytes")![0];
                }
            )
        );
        using Browser browser = application.Browser();
        Assert.That(await browser.PostAsync("/copy"), Is.EqualTo("1"));
    }

    [Test]
    public async Task Null_is_no_value()
    {
        await using SessionApplication application = await StartAsync(app =>
            app.MapPost("/null", (HttpContext context) => ErrorOf(() => context.Session.Set("key", null!)))
        );
        using Browser browser = application.Browser();
        Assert.That(await browser.PostAsync("/null"), Is.EqualTo(nameof(ArgumentNullException)));
        Assert.That(browser.Cookie, Is.Null);
    }

    [Test]
    public async Task Keys_are_compared_ordinally()
    {
        await using SessionApplication application = await StartAsync();
        using Browser browser = application.Browser();
        await browser.PostAsync("/set/Step/1");
        await browser.PostAsync("/set/step/2");
        await browser.PostAsync("/set/schritt%20%C3%BC/3");
        Assert.That(await browser.GetAsync("/keys"), Is.EqualTo("Step schritt ü step"));
        Assert.That(await browser.GetAsync("/get/Step"), Is.EqualTo("1"));
        Assert.That(await browser.GetAsync("/get/schritt%20%C3%BC"), Is.EqualTo("3"));
    }

    [Test]
    public async Task Removed_key_is_gone_and_the_others_stay()
    {
        await using SessionApplication application = await StartAsync();
        using Browser browser = application.Browser();
        await browser.PostAsync("/set/a/1");
        await browser.PostAsync("/set/b/2");
        await browser.PostAsync("/remove/a");
        await browser.PostAsync("/remove/absent");
        Assert.That(await browser.GetAsync("/keys"), Is.EqualTo("b"));
    }

    [Test]
    public async Task Clear_removes_all_keys_and_keeps_the_session()
    {
        await using SessionApplication application = await StartAsync();
        using Browser browser = application.Browser();
        await browser.PostAsync("/set/a/1");
        await browser.PostAsync("/set/b/2");
        string cookie = browser.Cookie!;
        await browser.PostAsync("/clear");
        Assert.That(await browser.GetAsync("/keys"), Is.Empty);
        Assert.That(browser.Cookie, Is.EqualTo(cookie));
        await browser.PostAsync("/set/c/3");
        Assert.That(await browser.GetAsync("/keys"), Is.EqualTo("c"));
    }

    [Test]
    public async Task What_is_set_behind_clear_stays()
    {
        await using SessionApplication application = await StartAsync(app =>
            app.MapPost(
                "/again",
                (HttpContext context) =>
                {
                    context.Session.Clear();
                    context.Session.SetString("b", "2");
                }
            )
        );
        using Browser browser = application.Browser();
        await browser.PostAsync("/set/a/1");
        await browser.PostAsync("/again");
        Assert.That(await browser.GetAsync("/keys"), Is.EqualTo("b"));
    }

    [Test]
    public async Task Browsers_have_sessions_of_their_own()
    {
        await using SessionApplication application = await StartAsync();
        using Browser alice = application.Browser();
        using Browser bob = application.Browser();
        await alice.PostAsync("/set/step/1");
        Assert.That(await bob.GetAsync("/get/step"), Is.EqualTo("none"));
        await bob.PostAsync("/set/step/2");
        Assert.That(await alice.GetAsync("/get/step"), Is.EqualTo("1"));
        Assert.That(await alice.GetAsync("/id"), Is.Not.EqualTo(await bob.GetAsync("/id")));
    }

    [Test]
    public async Task Cookie_is_set_by_the_first_value_alone()
    {
        await using SessionApplication application = await StartAsync();
        using Browser browser = application.Browser();
        foreach (string path in new[] { "/nothing", "/get/step", "/keys", "/id", "/available" })
        {
            await browser.GetAsync(path);
            Assert.That(browser.Cookie, Is.Null, path);
        }

        await browser.PostAsync("/remove/step");
        await browser.PostAsync("/clear");
        Assert.That(browser.Cookie, Is.Null);
        using HttpResponseMessage first = await browser.SendAsync(HttpMethod.Post, "/set/step/1");
        Assert.That(application.SetCookieOf(first), Does.Contain("path=/;").And.Contain("samesite=lax").And.Contain("httponly"));
        Assert.That(first.Headers.CacheControl!.NoStore && first.Headers.CacheControl.NoCache, Is.True);
        Assert.That(first.Headers.Pragma.ToString(), Is.EqualTo("no-cache"));
        using HttpResponseMessage second = await browser.SendAsync(HttpMethod.Post, "/set/step/2");
        Assert.That(application.SetCookieOf(second), Is.Null);
    }

    [Test]
    public async Task Id_is_a_guid_that_stays_and_is_not_in_the_cookie()
    {
        await using SessionApplication application = await StartAsync();
        using Browser browser = application.Browser();
        string before = await browser.GetAsync("/id");
        Assert.That(await browser.GetAsync("/id"), Is.Not.EqualTo(before), "of a session that nobody has saved");
        await browser.PostAsync("/set/step/1");
        string id = await browser.GetAsync("/id");
        Assert.That(Guid.TryParse(id, out _), Is.True);
        await browser.PostAsync("/set/step/2");
        Assert.That(await browser.GetAsync("/id"), Is.EqualTo(id));
        Assert.That(
            WebUtility.UrlDecode(browser.Cookie),
            Does.Not.Contain(id).And.Not.Contain(id.Replace("-", "", StringComparison.Ordinal))
        );
    }

    [Test]
    public async Task Id_of_a_new_session_is_the_one_that_it_keeps()
    {
        await using SessionApplication application = await StartAsync(app =>
            app.MapPost(
                "/begin",
                (HttpContext context) =>
                {
                    string id = context.Session.Id;
                    context.Session.SetString("step", "1");
                    return id == context.Session.Id ? id : "another";
                }
            )
        );
        using Browser browser = application.Browser();
        Assert.That(await browser.PostAsync("/begin"), Is.EqualTo(await browser.GetAsync("/id")));
    }

    [Test]
    public async Task Session_is_available_when_it_is_new_and_when_it_was_loaded()
    {
        await using SessionApplication application = await StartAsync();
        using Browser browser = application.Browser();
        Assert.That(await browser.GetAsync("/available"), Is.EqualTo("true"));
        await browser.PostAsync("/set/step/1");
        Assert.That(await browser.GetAsync("/available"), Is.EqualTo("true"));
    }

    [TestCase("x")]
    [TestCase("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")]
    public async Task Cookie_that_is_not_ours_gives_a_new_session(string cookie)
    {
        await using SessionApplication application = await StartAsync();
        using Browser browser = application.Browser();
        browser.Cookie = cookie;
        Assert.That(await browser.GetAsync("/get/step"), Is.EqualTo("none"));
        Assert.That(await browser.PostAsync("/set/step/1"), Is.EqualTo("saved"));
        Assert.That(browser.Cookie, Is.Not.EqualTo(cookie));
        Assert.That(await browser.GetAsync("/get/step"), Is.EqualTo("1"));
    }

    [Test]
    public async Task Expired_session_is_empty_and_takes_values_again()
    {
        await using SessionApplication application = await StartAsync();
        using Browser browser = application.Browser();
        await browser.PostAsync("/set/step/1");
        Expire();
        Assert.That(await browser.GetAsync("/get/step"), Is.EqualTo("none"));
        Assert.That(await browser.GetAsync("/available"), Is.EqualTo("true"));
        await browser.PostAsync("/set/other/2");
        Assert.That(await browser.GetAsync("/keys"), Is.EqualTo("other"));
    }

    [Test]
    public async Task Difference_id_of_an_expired_session()
    {
        await using SessionApplication application = await StartAsync();
        using Browser browser = application.Browser();
        await browser.PostAsync("/set/step/1");
        string cookie = browser.Cookie!;
        Expire();
        await browser.PostAsync("/set/step/2");
        Assert.That(browser.Cookie == cookie, Is.EqualTo(!IsOurs), "ours does not adopt an id that it does not know");
    }

    [Test]
    public async Task LoadAsync_loads_once_for_the_request()
    {
        await using SessionApplication application = await StartAsync(app =>
            app.MapGet(
                "/loaded",
                async (HttpContext context) =>
                {
                    await context.Session.LoadAsync();
                    await context.Session.LoadAsync();
                    return $"{context.Session.IsAvailable} {context.Session.GetString("step")}";
                }
            )
        );
        using Browser browser = application.Browser();
        await browser.PostAsync("/set/step/1");
        Forget();
        Assert.That(await browser.GetAsync("/loaded"), Is.EqualTo("True 1"));
        Assert.That(_cache.Calls.Count(call => call == "get") + _store.Calls.Count(call => call == "load $http"), Is.EqualTo(1));
    }

    [Test]
    public async Task CommitAsync_stores_at_once()
    {
        TaskCompletionSource committed = new();
        TaskCompletionSource read = new();
        await using SessionApplication application = await StartAsync(app =>
            app.MapPost(
                "/own",
                async (HttpContext context) =>
                {
                    context.Session.SetString("step", "2");
                    await context.Session.CommitAsync();
                    committed.SetResult();
                    await read.Task;
                }
            )
        );
        using Browser browser = application.Browser();
        await browser.PostAsync("/set/step/1");
        Task<string> own = browser.PostAsync("/own");
        await committed.Task;
        Assert.That(await browser.GetAsync("/get/step"), Is.EqualTo("2"));
        read.SetResult();
        await own;
    }

    [Test]
    public async Task CommitAsync_begins_a_session()
    {
        await using SessionApplication application = await StartAsync(app =>
            app.MapPost(
                "/own",
                async (HttpContext context) =>
                {
                    context.Session.SetString("step", "2");
                    await context.Session.CommitAsync();
                    return "saved";
                }
            )
        );
        using Browser browser = application.Browser();
        Assert.That(await browser.PostAsync("/own"), Is.EqualTo("saved"));
        Assert.That(await browser.GetAsync("/get/step"), Is.EqualTo("2"));
    }

    [Test]
    public async Task Failure_of_CommitAsync_reaches_its_caller()
    {
        await using SessionApplication application = await StartAsync(app =>
            app.MapPost(
                "/own",
                async (HttpContext context) =>
                {
                    context.Session.SetString("step", "2");
                    Fail("set", "commit $http");
                    try
                    {
                        await context.Session.CommitAsync();
                        return "saved";
                    }
                    catch (Exception error) when (error is InvalidOperationException or SessionStoreException)
                    {
                        Forget();
                        return "not saved";
                    }
                }
            )
        );
        using Browser browser = application.Browser();
        await browser.PostAsync("/set/step/1");
        Assert.That(await browser.PostAsync("/own"), Is.EqualTo("not saved"));
    }

    [Test]
    public async Task New_session_can_not_begin_when_the_response_has_started()
    {
        await using SessionApplication application = await StartAsync(app =>
            app.MapPost(
                "/late",
                async (HttpContext context) =>
                {
                    await context.Response.WriteAsync("begun ");
                    await context.Response.Body.FlushAsync();
                    await context.Response.WriteAsync(ErrorOf(() => context.Session.SetString("step", "1")));
                }
            )
        );
        using Browser browser = application.Browser();
        Assert.That(await browser.PostAsync("/late"), Is.EqualTo("begun InvalidOperationException"));
        await browser.PostAsync("/set/other/1");
        Assert.That(await browser.PostAsync("/late"), Is.EqualTo("begun none"));
        Assert.That(await browser.GetAsync("/get/step"), Is.EqualTo("1"), "of a session that there is, it is stored");
    }

    [Test]
    public async Task Session_may_be_used_when_the_response_is_about_to_start()
    {
        await using SessionApplication application = await StartAsync(app =>
            app.MapPost(
                "/starting",
                async (HttpContext context) =>
                {
                    context.Response.OnStarting(() =>
                    {
                        context.Session.SetString("step", "1");
                        return Task.CompletedTask;
                    });
                    await context.Response.WriteAsync("saved");
                }
            )
        );
        using Browser browser = application.Browser();
        Assert.That(await browser.PostAsync("/starting"), Is.EqualTo("saved"));
        Assert.That(await browser.GetAsync("/get/step"), Is.EqualTo("1"));
    }

    [TestCase("redirect")]
    [TestCase("page")]
    public async Task TempData_are_there_for_one_request(string answer)
    {
        await using SessionApplication application = await StartAsync(
            app => app.MapControllers(),
            configure: services =>
                services.AddControllersWithViews().AddApplicationPart(typeof(TempDataController).Assembly).AddSessionStateTempDataProvider()
        );
        using Browser browser = application.Browser();
        using HttpResponseMessage set = await browser.SendAsync(HttpMethod.Post, $"/temp-data/{answer}");
        Assert.That((int)set.StatusCode, Is.AnyOf(200, 302));
        Assert.That(browser.Cookie, Is.Not.Null);
        Assert.That(await browser.GetAsync("/temp-data"), Is.EqualTo("saved"));
        Assert.That(await browser.GetAsync("/temp-data"), Is.EqualTo("none"));
    }

    [Test]
    public async Task Session_can_be_replaced_and_is_gone_behind_the_request()
    {
        ISessionFeature? behind = null;
        ISession? replaced = null;
        await using SessionApplication application = await StartAsync(
            app =>
                app.MapGet(
                    "/replace",
                    (HttpContext context) =>
                    {
                        ISession other = new OtherSession();
                        context.Session = other;
                        replaced = context.Session;
                        return ReferenceEquals(other, context.Session);
                    }
                ),
            before: app =>
                app.Use(
                    async (context, next) =>
                    {
                        await next(context);
                        behind = context.Features.Get<ISessionFeature>();
                    }
                )
        );
        using Browser browser = application.Browser();
        Assert.That(await browser.GetAsync("/replace"), Is.EqualTo("true"));
        Assert.That(replaced, Is.InstanceOf<OtherSession>());
        Assert.That(behind, Is.Null);
    }

    [Test]
    public async Task Large_values_are_stored()
    {
        await using SessionApplication application = await StartAsync(app =>
        {
            app.MapPost("/large", (HttpContext context) => context.Session.Set("large", Enumerable.Repeat((byte)7, 400_000).ToArray()));
            app.MapGet("/large", (HttpContext context) => context.Session.Get("large")!.Count(value => value == 7));
        });
        using Browser browser = application.Browser();
        await browser.PostAsync("/large");
        Assert.That(await browser.GetAsync("/large"), Is.EqualTo("400000"));
    }

    [Test]
    public async Task Difference_two_requests_that_write_different_keys()
    {
        await using SessionApplication application = await StartAsync();
        using Browser browser = application.Browser();
        await browser.PostAsync("/set/begun/1");
        await WriteAtATimeAsync(browser, "/set/a/1", "/set/b/2");
        Assert.That(await browser.GetAsync("/keys"), IsOurs ? Is.EqualTo("a b begun") : Is.EqualTo("a begun").Or.EqualTo("b begun"));
    }

    [Test]
    public async Task Of_one_key_the_last_write_is_kept()
    {
        await using SessionApplication application = await StartAsync();
        using Browser browser = application.Browser();
        await browser.PostAsync("/set/a/1");
        await WriteAtATimeAsync(browser, "/set/a/2", "/set/a/3");
        Assert.That(await browser.GetAsync("/get/a"), Is.EqualTo("2").Or.EqualTo("3"));
        await browser.PostAsync("/set/a/4");
        Assert.That(await browser.GetAsync("/get/a"), Is.EqualTo("4"));
    }

    [Test]
    public async Task Difference_commit_that_fails()
    {
        await using SessionApplication application = await StartAsync();
        using Browser browser = application.Browser();
        await browser.PostAsync("/set/step/1");
        Fail("set", "commit $http");
        Assert.That(await browser.PostAsync("/set/step/2"), Is.EqualTo(IsOurs ? "503" : "saved"));
        Forget();
        Assert.That(await browser.GetAsync("/get/step"), Is.EqualTo("1"));
    }

    [Test]
    public async Task Difference_load_that_fails()
    {
        await using SessionApplication application = await StartAsync();
        using Browser browser = application.Browser();
        await browser.PostAsync("/set/step/1");
        Fail("get", "load $http", "set", "refresh");
        Assert.That(await browser.GetAsync("/available"), Is.EqualTo("false"), "both say so");
        Assert.That(await browser.GetAsync("/get/step"), Is.EqualTo(IsOurs ? "503" : "none"));
        Assert.That(await browser.PostAsync("/set/other/2"), Is.EqualTo(IsOurs ? "503" : "saved"));
        Assert.That(await browser.GetAsync("/id"), Is.EqualTo(IsOurs ? "503" : ""));
        Assert.That(await browser.GetAsync("/keys"), Is.EqualTo(IsOurs ? "503" : ""));
        Assert.That(await browser.PostAsync("/clear"), Is.EqualTo(IsOurs ? "503" : ""));
        Assert.That(await browser.PostAsync("/remove/step"), Is.EqualTo(IsOurs ? "503" : ""));
        Forget();
        Assert.That(await browser.GetAsync("/keys"), Is.EqualTo("step"), "nothing was overwritten");
    }

    [Test]
    public async Task Difference_LoadAsync_after_one_that_has_failed()
    {
        await using SessionApplication application = await StartAsync(app =>
            app.MapGet(
                "/twice",
                async (HttpContext context) =>
                {
                    Fail("get", "load $http");
                    try
                    {
                        await context.Session.LoadAsync();
                    }
                    catch (Exception error) when (error is InvalidOperationException or SessionStoreException)
                    {
                        Forget();
                    }

                    return context.Session.IsAvailable;
                }
            )
        );
        using Browser browser = application.Browser();
        await browser.PostAsync("/set/step/1");
        Assert.That(await browser.GetAsync("/twice"), Is.EqualTo(IsOurs ? "false" : "true"), "ours loads once in a request");
    }

    [Test]
    public async Task Cancelled_LoadAsync_can_be_called_again()
    {
        await using SessionApplication application = await StartAsync(app =>
            app.MapGet(
                "/cancelled",
                async (HttpContext context) =>
                {
                    string error = "none";
                    try
                    {
                        await context.Session.LoadAsync(new CancellationToken(canceled: true));
                    }
                    catch (OperationCanceledException)
                    {
                        error = "cancelled";
                    }

                    await context.Session.LoadAsync();
                    return $"{error} {context.Session.GetString("step")}";
                }
            )
        );
        using Browser browser = application.Browser();
        await browser.PostAsync("/set/step/1");
        Assert.That(await browser.GetAsync("/cancelled"), Is.EqualTo("cancelled 1"));
    }

    [Test]
    public async Task Difference_exception_that_nobody_handles()
    {
        await using SessionApplication application = await StartAsync(app =>
            app.MapPost(
                "/fail",
                (HttpContext context) =>
                {
                    context.Session.SetString("step", "2");
                    throw new InvalidOperationException("bad luck");
                }
            )
        );
        using Browser browser = application.Browser();
        await browser.PostAsync("/set/step/1");
        Assert.That(async () => await browser.PostAsync("/fail"), Throws.InvalidOperationException);
        Assert.That(await browser.GetAsync("/get/step"), Is.EqualTo(IsOurs ? "1" : "2"));
    }

    [Test]
    public async Task Difference_request_that_does_not_use_the_session()
    {
        await using SessionApplication application = await StartAsync();
        using Browser browser = application.Browser();
        await browser.PostAsync("/set/step/1");
        Forget();
        await browser.GetAsync("/nothing");
        Assert.That(_cache.Calls.Concat(_store.Calls), IsOurs ? Is.Empty : Is.EqualTo(new[] { "refresh" }));
    }

    [TestCase(0)]
    [TestCase(257)]
    [TestCase(60_000)]
    public async Task Difference_names_of_keys(int length)
    {
        string key = new('k', length);
        await using SessionApplication application = await StartAsync(app =>
            app.MapPost("/key", (HttpContext context) => ErrorOf(() => context.Session.SetString(key, "1")))
        );
        using Browser browser = application.Browser();
        Assert.That(await browser.PostAsync("/key"), Is.EqualTo(IsOurs ? nameof(ArgumentException) : "none"));
    }

    [Test]
    public async Task Difference_limits()
    {
        await using SessionApplication application = await StartAsync(app =>
            app.MapPost("/huge", (HttpContext context) => ErrorOf(() => context.Session.Set("huge", new byte[2 << 20])))
        );
        using Browser browser = application.Browser();
        Assert.That(await browser.PostAsync("/huge"), Is.EqualTo(IsOurs ? nameof(WorkflowLimitException) : "none"));
    }

    [Test]
    public async Task Difference_value_that_was_read()
    {
        await using SessionApplication application = await StartAsync(app =>
            app.MapPost(
                "/read",
                (HttpContext context) =>
                {
                    context.Session.Set("bytes", [1]);
                    context.Session.Get("bytes")![0] = 2;
                    return context.Session.Get("bytes")![0];
                }
            )
        );
        using Browser browser = application.Browser();
        Assert.That(await browser.PostAsync("/read"), Is.EqualTo(IsOurs ? "1" : "2"), "ours gives a copy");
    }

    [Test]
    public async Task Difference_cookie()
    {
        await using SessionApplication application = await StartAsync();
        using Browser browser = application.Browser();
        using HttpResponseMessage first = await browser.SendAsync(HttpMethod.Post, "/set/step/1");
        Assert.That(
            application.SetCookieOf(first),
            IsOurs
                ? Does.Match("^__Host-WorkflowSessions\\.[^=]+=[A-Za-z0-9_-]{64}; path=/; secure; samesite=lax; httponly$")
                : Does.Match("^\\.AspNetCore\\.Session=[^;]+; path=/; samesite=lax; httponly$")
        );
    }

    private Task<SessionApplication> StartAsync(
        Action<WebApplication>? map = null,
        Action<WebApplication>? before = null,
        Action<IServiceCollection>? configure = null
    ) => SessionApplication.StartAsync(_kind, _store, _cache, map, before, configure);

    /// <summary>Sends two requests of which both load before one commits.</summary>
    private async Task WriteAtATimeAsync(Browser browser, string first, string second)
    {
        int committing = 0;
        TaskCompletionSource both = new(TaskCreationOptions.RunContinuationsAsynchronously);
        _cache.Before = _store.Before = call =>
        {
            if (call is not ("set" or "commit $http"))
            {
                return Task.CompletedTask;
            }

            if (Interlocked.Increment(ref committing) == 2)
            {
                both.SetResult();
            }

            return both.Task;
        };
        string[] answers = await Task.WhenAll(browser.PostAsync(first), browser.PostAsync(second));
        Assert.That(answers, Is.All.EqualTo("saved"));
        Forget();
    }

    /// <summary>Lets calls of the two stores fail.</summary>
    private void Fail(params string[] calls) =>
        _cache.Before = _store.Before = call => calls.Contains(call) ? Task.FromException(Down) : Task.CompletedTask;

    /// <summary>Forgets what was called, and lets nothing fail any more.</summary>
    private void Forget()
    {
        _cache.Before = _store.Before = _ => Task.CompletedTask;
        _cache.Calls.Clear();
        _store.Calls.Clear();
    }

    private void Expire()
    {
        _cache.Expire();
        _clock.Advance(TimeSpan.FromHours(2));
    }

    /// <returns>The type of what it throws, or "none".</returns>
    private static string ErrorOf(Action action)
    {
        try
        {
            action();
            return "none";
        }
        catch (Exception error)
        {
            return error.GetType().Name;
        }
    }

    private sealed class OtherSession : ISession
    {
        public bool IsAvailable => true;

        public string Id => "other";

        public IEnumerable<string> Keys => [];

        public void Clear() { }

        public Task CommitAsync(CancellationToken cancellationToken = default) => Task.CompletedTask;

        public Task LoadAsync(CancellationToken cancellationToken = default) => Task.CompletedTask;

        public void Remove(string key) { }

        public void Set(string key, byte[] value) { }

        public bool TryGetValue(string key, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out byte[]? value)
        {
            value = null;
            return false;
        }
    }
}
