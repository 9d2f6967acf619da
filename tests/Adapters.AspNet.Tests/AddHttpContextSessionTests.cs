using System.Diagnostics.Metrics;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Session;
using Microsoft.AspNetCore.TestHost;
using Microsoft.Extensions.Caching.Distributed;
using Microsoft.Extensions.DependencyInjection;

namespace WorkflowSessions.AspNetCore.Tests;

/// <summary><c>HttpContext.Session</c> on our engine: how it is taken up, when a request waits for it, and how it lives beside workflows.</summary>
public sealed class AddHttpContextSessionTests
{
    private static readonly SessionStoreException Down = new("The store is down.", "$http", mayBeStored: false);

    private readonly StoreOfTest _store = new();
    private readonly CacheOfTest _cache = new();

    [TestCase("nothing")]
    [TestCase("behind routing")]
    [TestCase("before routing")]
    public async Task Endpoint_waits_with_a_thread_once_and_finds_its_session_loaded_from_then_on(string pipeline)
    {
        // A measurement is told on the thread that waits, so that what other tests measure at the same time is told apart.
        using ThreadLocal<int?> waits = new();
        TaskCompletionSource gate = new(TaskCreationOptions.RunContinuationsAsynchronously);
        using MeterListener meter = new();
        meter.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument is { Name: "workflowsessions.http_session.blocking_loads", Meter.Name: WorkflowSessionsDiagnostics.MeterName })
            {
                listener.EnableMeasurementEvents(instrument);
            }
        };
        meter.SetMeasurementEventCallback<long>(
            (_, value, _, _) =>
            {
                if (waits.Value is { } before)
                {
                    waits.Value = before + (int)value;
                    gate.TrySetResult();
                }
            }
        );
        meter.Start();
        WebApplicationBuilder builder = Builder();
        builder.Services.AddWorkflowSessions().AddStore<InMemorySessionStoreOptions>((_, _) => _store).AddHttpContextSession();
        await using WebApplication app = builder.Build();
        if (pipeline != "nothing")
        {
            app.UseWorkflowSessions();
        }

        if (pipeline == "before routing")
        {
            app.UseRouting();
        }

        app.MapPost("/begin", (HttpContext context) => context.Session.SetString("step", "1"));
        foreach (string path in new[] { "/first", "/second" })
        {
            app.MapGet(
                path,
                (HttpContext context) =>
                {
                    return Read(context.Session);
                }
            );
        }

        app.MapGet(
            "/loads",
            async (HttpContext context) =>
            {
                await context.Session.LoadAsync();
                return Read(context.Session);
            }
        );
        await app.StartAsync();
        using Browser browser = new(app.GetTestServer().CreateHandler(), new Uri("https://localhost"));
        await browser.PostAsync("/begin");

        // Nothing is loaded before somebody has said that he waits.
        _store.Before = _ => gate.Task.WaitAsync(TimeSpan.FromSeconds(30));
        Assert.That(await browser.GetAsync("/first"), Is.EqualTo("1 1"));
        _store.Before = async _ => await Task.Yield();
        Assert.That(await browser.GetAsync("/first"), Is.EqualTo("1 0"));
        Assert.That(await browser.GetAsync("/loads"), Is.EqualTo("1 0"));
        gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _store.Before = _ => gate.Task.WaitAsync(TimeSpan.FromSeconds(30));
        Assert.That(await browser.GetAsync("/second"), Is.EqualTo("1 1"), "each endpoint for itself");

        string Read(ISession session)
        {
            waits.Value = 0;
            string? step = session.GetString("step");
            _ = session.Keys.Count();
            int? waited = waits.Value;
            waits.Value = null;
            return $"{step} {waited}";
        }
    }

    [Test]
    public async Task Request_without_a_cookie_does_not_ask_the_store()
    {
        await using SessionApplication application = await StartAsync();
        using Browser browser = application.Browser();
        _store.Before = _ => Task.FromException(Down);
        Assert.That(await browser.GetAsync("/get/step"), Is.EqualTo("none"));
        Assert.That(await browser.GetAsync("/available"), Is.EqualTo("true"));
        Assert.That(_store.Calls, Is.Empty);
    }

    [Test]
    public async Task Session_that_was_loaded_ahead_in_vain_is_not_loaded_again()
    {
        await using SessionApplication application = await StartAsync(app =>
            app.MapGet(
                "/both",
                (HttpContext context) =>
                    context.Session.IsAvailable ? context.Session.GetString("step") : context.Session.GetString("other")
            )
        );
        using Browser browser = application.Browser();
        await browser.PostAsync("/set/step/1");
        application.Services.GetRequiredService<HttpContextSessionPreloading>().Learn(Endpoint(application, "/both"));
        _store.Before = async _ =>
        {
            await Task.Yield();
            throw Down;
        };
        _store.Calls.Clear();
        Assert.That(await browser.GetAsync("/both"), Is.EqualTo("503"));
        Assert.That(_store.Calls.Count(call => call == "load $http"), Is.EqualTo(1));
    }

    [Test]
    public async Task Key_that_was_set_is_all_that_is_written()
    {
        await using SessionApplication application = await StartAsync();
        using Browser browser = application.Browser();
        await browser.PostAsync("/set/a/1");
        await browser.PostAsync("/set/b/2");
        _store.Written.Clear();
        await browser.PostAsync("/set/a/3");
        Assert.That(_store.Written, Is.EqualTo(new[] { "$http: a" }));
    }

    [Test]
    public async Task Id_tells_nothing_of_what_names_the_data()
    {
        await using SessionApplication application = await StartAsync();
        using Browser browser = application.Browser();
        await browser.PostAsync("/set/step/1");
        string id = (await browser.GetAsync("/id")).Replace("-", "", StringComparison.Ordinal);
        byte[] root = System.Buffers.Text.Base64Url.DecodeFromChars(_store.Sessions.Last());
        Assert.That(id, Is.Not.EqualTo(Convert.ToHexString(root)).IgnoreCase.And.Not.EqualTo(new Guid(root).ToString("N")));
    }

    [Test]
    public async Task Workflows_are_committed_with_it_and_do_not_show_it()
    {
        await using SessionApplication application = await StartAsync(app =>
        {
            app.MapPost(
                "/both",
                async (HttpContext context, IWorkflowSessions sessions) =>
                {
                    (await sessions.OpenAsync("checkout")).Set("step", 2);
                    context.Session.SetInt32("step", 7);
                }
            );
            app.MapGet(
                "/both",
                async (HttpContext context, IWorkflowSessions sessions) =>
                    $"{(await sessions.OpenAsync("checkout")).Get<int>("step")} {context.Session.GetInt32("step")} "
                    + string.Join(' ', (await sessions.ListAsync()).Select(workflow => workflow.Id))
            );
            app.MapGet("/reserved", async (IWorkflowSessions sessions) => (await sessions.OpenAsync("$http")).Id);
        });
        using Browser browser = application.Browser();
        Assert.That(await browser.PostAsync("/both"), Is.Empty);
        Assert.That(await browser.GetAsync("/both"), Is.EqualTo("2 7 checkout"));
        Assert.That(async () => await browser.GetAsync("/reserved"), Throws.ArgumentException.With.Message.Contains("HttpContext.Session"));
        Assert.That(async () => await new InMemoryWorkflowSessions().OpenAsync("$http"), Throws.ArgumentException);
    }

    [Test]
    public async Task CommitAsync_commits_it_alone()
    {
        await using SessionApplication application = await StartAsync(app =>
            app.MapPost(
                "/own",
                async (HttpContext context, IWorkflowSessions sessions) =>
                {
                    (await sessions.OpenAsync("checkout")).Set("step", 2);
                    context.Session.SetInt32("step", 7);
                    await context.Session.CommitAsync();
                    string written = string.Join(", ", _store.Written);
                    sessions.DiscardChanges();
                    return written;
                }
            )
        );
        using Browser browser = application.Browser();
        Assert.That(await browser.PostAsync("/own"), Is.EqualTo("$session: secret sent, $http: step"));
        Assert.That(_store.Written, Has.Count.EqualTo(2));
    }

    [Test]
    public async Task New_secret_keeps_it_and_takes_it_from_the_old_cookie()
    {
        await using SessionApplication application = await StartAsync(app =>
            app.MapPost("/sign-in", async (IWorkflowSessions sessions) => await sessions.RegenerateIdAsync())
        );
        using Browser browser = application.Browser();
        await browser.PostAsync("/set/step/1");
        string id = await browser.GetAsync("/id");
        using Browser late = application.Browser();
        late.Cookie = browser.Cookie;
        await browser.PostAsync("/sign-in");
        Assert.That(browser.Cookie, Is.Not.EqualTo(late.Cookie));
        Assert.That(await browser.GetAsync("/get/step"), Is.EqualTo("1"));
        Assert.That(await browser.GetAsync("/id"), Is.EqualTo(id));

        Assert.That(await late.GetAsync("/get/step"), Is.EqualTo("none"));
        Assert.That(await late.GetAsync("/available"), Is.EqualTo("true"));
        Assert.That(await late.GetAsync("/id"), Is.Not.EqualTo(id), "what is kept by that id is not its");
        Assert.That(await late.PostAsync("/set/step/2"), Is.EqualTo("409"));
        Assert.That(await browser.GetAsync("/get/step"), Is.EqualTo("1"));
    }

    [Test]
    public async Task Session_that_is_ended_takes_it_along()
    {
        await using SessionApplication application = await StartAsync(app =>
            app.MapPost(
                "/sign-out",
                async (HttpContext context, IWorkflowSessions sessions) =>
                {
                    context.Session.SetString("step", "2");
                    string id = context.Session.Id;
                    await sessions.EndSessionAsync();
                    return $"{context.Session.Keys.Count()} {context.Session.Id == id}";
                }
            )
        );
        using Browser browser = application.Browser();
        await browser.PostAsync("/set/step/1");
        string cookie = browser.Cookie!;
        Assert.That(await browser.PostAsync("/sign-out"), Is.EqualTo("0 False"), "what follows is a new session");
        Assert.That(browser.Cookie, Is.Null);
        browser.Cookie = cookie;
        Assert.That(await browser.GetAsync("/get/step"), Is.EqualTo("none"));
    }

    [TestCase("Production", "/load", "503 The page of the application. empty")]
    [TestCase("Production", "/store", "503 The page of the application. empty")]
    [TestCase("Production", "/conflict", "409 The page of the application. empty")]
    [TestCase("Production", "/fail", "500 The page of the application. empty")]
    [TestCase("Development", "/load", "503")]
    [TestCase("Development", "/fail", "500")]
    public async Task Error_page_behind_it_has_the_status_of_the_failure_and_a_session_without_its_changes(
        string environment,
        string path,
        string expected
    )
    {
        bool fails = true;
        WebApplicationBuilder builder = Builder(environment);
        builder.Services.AddWorkflowSessions().AddStore<InMemorySessionStoreOptions>((_, _) => _store).AddHttpContextSession();
        await using WebApplication app = builder.Build();
        if (environment == "Production")
        {
            app.UseExceptionHandler("/error");
        }

        app.MapPost("/begin", (HttpContext context) => context.Session.SetString("begun", "1"));
        app.MapGet("/load", (HttpContext context) => context.Session.GetString("begun"));
        app.MapGet("/store", (HttpContext context) => Set(context, "saved"));
        app.MapGet("/conflict", (HttpContext context) => Set(context, "saved"));
        app.MapGet(
            "/fail",
            (HttpContext context) =>
            {
                Set(context, "");
                throw new InvalidOperationException("bad luck");
            }
        );
        app.MapGet("/changed", (HttpContext context) => context.Session.GetString("changed") ?? "empty");
        app.MapGet("/shown", (HttpContext context) => context.Session.GetString("shown"));
        app.Map(
            "/error",
            (HttpContext context) =>
            {
                fails = false;
                context.Session.SetString("shown", "yes");
                return $"The page of the application. {context.Session.GetString("changed") ?? "empty"}";
            }
        );
        await app.StartAsync();
        using Browser browser = new(app.GetTestServer().CreateHandler(), new Uri("https://localhost"));
        await browser.PostAsync("/begin");
        _store.Before = call =>
            (path, call, fails) switch
            {
                ("/load", "load $http", true) or ("/store", "commit $http", true) => Task.FromException(Down),
                ("/conflict", "commit $http", true) => Task.FromException(
                    new WorkflowConflictException("It has ended.", "$http", WorkflowConflictReason.Ended, [])
                ),
                _ => Task.CompletedTask,
            };
        using HttpResponseMessage response = await browser.SendAsync(HttpMethod.Get, path);
        string body = environment == "Production" ? $" {await response.Content.ReadAsStringAsync()}" : "";
        Assert.That($"{(int)response.StatusCode}{body}", Is.EqualTo(expected));
        _store.Before = _ => Task.CompletedTask;
        Assert.That(await browser.GetAsync("/changed"), Is.EqualTo("empty"));
        if (environment == "Production")
        {
            Assert.That(await browser.GetAsync("/shown"), Is.EqualTo("yes"), "what the page changed is stored");
        }

        static string Set(HttpContext context, string answer)
        {
            context.Session.SetString("changed", "1");
            return answer;
        }
    }

    [Test]
    public async Task Page_of_another_origin_can_read_that_nothing_was_stored()
    {
        WebApplicationBuilder builder = Builder();
        builder.Services.AddCors(options => options.AddDefaultPolicy(policy => policy.WithOrigins("https://shop.example")));
        builder.Services.AddWorkflowSessions().AddStore<InMemorySessionStoreOptions>((_, _) => _store).AddHttpContextSession();
        await using WebApplication app = builder.Build();
        app.UseCors();
        app.MapPost(
            "/set",
            (HttpContext context) =>
            {
                context.Session.SetString("step", "1");
                return "saved";
            }
        );
        await app.StartAsync();
        _store.Before = _ => Task.FromException(Down);
        using HttpClient client = app.GetTestClient();
        using HttpRequestMessage request = new(HttpMethod.Post, "/set");
        request.Headers.Add("Origin", "https://shop.example");
        using HttpResponseMessage response = await client.SendAsync(request);
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.ServiceUnavailable));
        Assert.That(response.Headers.GetValues("Access-Control-Allow-Origin"), Is.EqualTo(new[] { "https://shop.example" }));
    }

    [Test]
    public async Task Callbacks_of_a_response_run_once_and_the_last_one_first()
    {
        List<string> run = [];
        await using SessionApplication application = await StartAsync(app =>
            app.MapGet(
                "/callbacks",
                async (HttpContext context) =>
                {
                    context.Session.SetString("step", "1");
                    foreach (string name in new[] { "first", "second" })
                    {
                        context.Response.OnStarting(() =>
                        {
                            run.Add($"{name} {context.Response.HasStarted}");
                            return Task.CompletedTask;
                        });
                    }

                    await context.Response.WriteAsync("saved");
                }
            )
        );
        using Browser browser = application.Browser();
        Assert.That(await browser.GetAsync("/callbacks"), Is.EqualTo("saved"));
        Assert.That(run, Is.EqualTo(new[] { "second False", "first False" }));
    }

    [TestCase(true)]
    [TestCase(false)]
    public async Task UseSession_beside_it_is_refused(bool addsSessionLast)
    {
        WebApplicationBuilder builder = Builder();
        if (!addsSessionLast)
        {
            builder.Services.AddDistributedMemoryCache().AddSession();
        }

        builder.Services.AddWorkflowSessions().AddInMemoryStore().AddHttpContextSession();
        if (addsSessionLast)
        {
            builder.Services.AddDistributedMemoryCache().AddSession();
        }

        await using WebApplication app = builder.Build();
        app.UseSession();
        Assert.That(async () => await app.StartAsync(), Throws.InvalidOperationException.With.Message.Contains("Remove app.UseSession()"));
    }

    [Test]
    public async Task Live_sessions_of_the_framework_can_be_moved_over()
    {
        IDataProtectionProvider keys = new EphemeralDataProtectionProvider();
        await using SessionApplication before = await SessionApplication.StartAsync(
            SessionApplication.Original,
            _store,
            _cache,
            configure: services => services.AddSingleton(keys)
        );
        using Browser old = before.Browser();
        await old.PostAsync("/set/step/1");
        await old.PostAsync("/set/other/2");

        await using SessionApplication after = await SessionApplication.StartAsync(
            SessionApplication.Ours,
            _store,
            _cache,
            app => app.Use(MoveAsync),
            configure: services => services.AddSingleton(keys).AddSingleton<IDistributedCache>(_cache)
        );
        using Browser browser = after.Browser();
        browser.Also = $".AspNetCore.Session={old.Cookie}";
        Assert.That(await browser.GetAsync("/keys"), Is.EqualTo("other step"));
        Assert.That(browser.Cookie, Is.Not.Null);
        await browser.PostAsync("/set/step/3");
        Assert.That(await browser.GetAsync("/get/step"), Is.EqualTo("3"), "it is moved once");
        browser.Cookie = null;
        Assert.That(await browser.GetAsync("/keys"), Is.Empty, "after a sign-out the old cookie opens nothing");
        using Browser strange = after.Browser();
        strange.Also = ".AspNetCore.Session=nonsense";
        Assert.That(await strange.GetAsync("/keys"), Is.Empty);

        // As in docs/drop-in.md.
        static async Task MoveAsync(HttpContext context, RequestDelegate next)
        {
            if (context.Request.Cookies[".AspNetCore.Session"] is { } cookie)
            {
                IServiceProvider services = context.RequestServices;
                try
                {
                    byte[] key = services
                        .GetRequiredService<IDataProtectionProvider>()
                        .CreateProtector("SessionMiddleware")
                        .Unprotect(Convert.FromBase64String(cookie.PadRight((cookie.Length + 3) / 4 * 4, '=')));
                    ISession old = ActivatorUtilities
                        .CreateInstance<DistributedSessionStore>(services)
                        .Create(
                            Encoding.UTF8.GetString(key),
                            TimeSpan.FromMinutes(20),
                            TimeSpan.FromSeconds(5),
                            () => true,
                            isNewSessionKey: false
                        );
                    await old.LoadAsync(context.RequestAborted);
                    foreach (string name in old.Keys)
                    {
                        context.Session.Set(name, old.Get(name)!);
                    }

                    // Stored here first, then gone there: the old cookie opens nothing any more.
                    await context.Session.CommitAsync(context.RequestAborted);
                    old.Clear();
                    await old.CommitAsync(CancellationToken.None);
                }
                catch (Exception error) when (error is CryptographicException or FormatException)
                {
                    // A cookie that nobody can read is no session.
                }

                context.Response.Cookies.Delete(".AspNetCore.Session");
            }

            await next(context);
        }
    }

    [Test]
    public async Task Session_without_it_is_not_there()
    {
        await using Application application = await Application.StartAsync(
            _store,
            app => app.MapGet("/session", (HttpContext context) => context.Session.Id)
        );
        using Browser browser = application.Browser();
        Assert.That(async () => await browser.GetAsync("/session"), Throws.InvalidOperationException);
    }

    private Task<SessionApplication> StartAsync(Action<WebApplication>? map = null) =>
        SessionApplication.StartAsync(SessionApplication.Ours, _store, _cache, map);

    private static WebApplicationBuilder Builder(string environment = "Production")
    {
        WebApplicationBuilder builder = WebApplication.CreateBuilder(new WebApplicationOptions { EnvironmentName = environment });
        builder.WebHost.UseTestServer();
        return builder;
    }

    private static Microsoft.AspNetCore.Routing.RouteEndpoint Endpoint(SessionApplication application, string path) =>
        application
            .Services.GetRequiredService<Microsoft.AspNetCore.Routing.EndpointDataSource>()
            .Endpoints.OfType<Microsoft.AspNetCore.Routing.RouteEndpoint>()
            .Single(endpoint => endpoint.RoutePattern.RawText == path);
}
