using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Diagnostics;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Timeouts;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace WorkflowSessions.AspNetCore.Tests;

/// <summary>A request among the middleware that applications use: scopes of error pages, callbacks, time-outs, changes that come too early or too late.</summary>
public sealed class PipelineTests
{
    private readonly StoreOfTest _store = new();
    private readonly TaskCompletionSource _waiting = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _cancelled = new(TaskCreationOptions.RunContinuationsAsynchronously);

    [Test]
    public async Task Error_page_with_a_scope_of_its_own_stays_in_the_session()
    {
        await using Application application = await Application.StartAsync(
            _store,
            app =>
            {
                app.MapPost(
                    "/fails",
                    async (IWorkflowSessions sessions) =>
                    {
                        (await sessions.OpenAsync("checkout")).Set("step", "lost");
                        throw new InvalidOperationException("The handler failed.");
                    }
                );
                MapErrorPage(app);
            },
            before: app =>
                app.UseExceptionHandler(new ExceptionHandlerOptions { ExceptionHandlingPath = "/error", CreateScopeForErrors = true })
        );
        using Browser browser = application.Browser();
        await browser.PostAsync("/set/checkout/step/1");
        string cookie = browser.Cookie!;
        using HttpResponseMessage response = await browser.SendAsync(HttpMethod.Post, "/fails");
        Assert.That(await response.Content.ReadAsStringAsync(), Is.EqualTo("sorry 1"));
        Assert.That(Browser.SetCookieOf(response), Is.Null);
        Assert.That(browser.Cookie, Is.EqualTo(cookie));
        Assert.That(await browser.GetAsync("/get/errors/seen"), Is.EqualTo("1"));
    }

    [Test]
    public async Task Status_page_with_a_scope_of_its_own_stays_in_the_session_that_the_request_began()
    {
        await using Application application = await Application.StartAsync(
            _store,
            app =>
            {
                app.MapPost(
                    "/missing",
                    async (IWorkflowSessions sessions) =>
                    {
                        (await sessions.OpenAsync("checkout")).Set("step", "1");
                        return Results.NotFound();
                    }
                );
                MapErrorPage(app);
            },
            before: app => app.UseStatusCodePagesWithReExecute("/error", createScopeForStatusCodePages: true)
        );
        using Browser browser = application.Browser();
        using HttpResponseMessage response = await browser.SendAsync(HttpMethod.Post, "/missing");
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.NotFound));
        Assert.That(await response.Content.ReadAsStringAsync(), Is.EqualTo("sorry 1"));
        Assert.That(Browser.SetCookieOf(response), Is.Not.Null);
        Assert.That(await browser.GetAsync("/get/checkout/step"), Is.EqualTo("1"));
        Assert.That(await browser.GetAsync("/get/errors/seen"), Is.EqualTo("1"));
    }

    [TestCase(true)]
    [TestCase(false)]
    public async Task Drop_in_works_in_an_error_page_with_a_scope_of_its_own(bool fails)
    {
        await using SessionApplication application = await SessionApplication.StartAsync(
            SessionApplication.Ours,
            _store,
            new CacheOfTest(),
            app =>
            {
                app.UseExceptionHandler(new ExceptionHandlerOptions { ExceptionHandlingPath = "/error", CreateScopeForErrors = true });
                app.UseStatusCodePagesWithReExecute("/error", createScopeForStatusCodePages: true);
                app.UseRouting();
                app.MapPost(
                    "/fails",
                    (HttpContext context) =>
                    {
                        context.Session.SetString("step", "2");
                        return fails ? throw new InvalidOperationException("The handler failed.") : Results.NotFound();
                    }
                );
                app.Map(
                    "/error",
                    async (HttpContext context, IWorkflowSessions sessions) =>
                    {
                        context.Session.SetString("seen", "1");
                        (await sessions.OpenAsync("errors")).Set("seen", "1");
                        return $"sorry {context.Session.GetString("step")}";
                    }
                );
            }
        );
        using Browser browser = application.Browser();
        await browser.PostAsync("/set/step/1");
        using HttpResponseMessage response = await browser.SendAsync(HttpMethod.Post, "/fails");
        Assert.That(await response.Content.ReadAsStringAsync(), Is.EqualTo(fails ? "sorry 1" : "sorry 2"));
        Assert.That(application.SetCookieOf(response), Is.Null);
        Assert.That(await browser.GetAsync("/get/seen"), Is.EqualTo("1"));
        Assert.That(await browser.GetAsync("/get/step"), Is.EqualTo(fails ? "1" : "2"));
    }

    [Test]
    public async Task Endpoint_that_is_short_circuited_answers()
    {
        await using Application application = await Application.StartAsync(
            _store,
            app => app.MapGet("/robots.txt", (IWorkflowSessions sessions) => sessions is null ? "" : "none").ShortCircuit(),
            before: app => app.UseRouting()
        );
        using Browser browser = application.Browser();
        Assert.That(await browser.GetAsync("/robots.txt"), Is.EqualTo("none"));
    }

    [Test]
    public async Task HttpContext_session_that_is_kept_after_its_request_throws_and_touches_nobody()
    {
        ISession? kept = null;
        TaskCompletionSource over = new(TaskCreationOptions.RunContinuationsAsynchronously);
        await using SessionApplication application = await SessionApplication.StartAsync(
            SessionApplication.Ours,
            _store,
            new CacheOfTest(),
            app =>
                app.MapPost(
                    "/keep",
                    (HttpContext context) =>
                    {
                        kept = context.Session;
                        kept.SetString("name", "alice");
                        context.Response.OnCompleted(() =>
                        {
                            over.SetResult();
                            return Task.CompletedTask;
                        });
                    }
                )
        );
        using Browser alice = application.Browser();
        await alice.PostAsync("/keep");
        await over.Task;
        using Browser bob = application.Browser();
        await bob.PostAsync("/set/name/bob");
        int calls = _store.Calls.Count;
        Assert.Multiple(() =>
        {
            Assert.That(() => kept!.GetString("name"), Throws.InstanceOf<ObjectDisposedException>());
            Assert.That(() => kept!.SetString("name", "late"), Throws.InstanceOf<ObjectDisposedException>());
            Assert.That(() => kept!.Remove("name"), Throws.InstanceOf<ObjectDisposedException>());
            Assert.That(() => kept!.Clear(), Throws.InstanceOf<ObjectDisposedException>());
            Assert.That(() => kept!.Keys, Throws.InstanceOf<ObjectDisposedException>());
            Assert.That(() => kept!.Id, Throws.InstanceOf<ObjectDisposedException>());
            Assert.That(() => kept!.IsAvailable, Throws.InstanceOf<ObjectDisposedException>());
            Assert.That(async () => await kept!.LoadAsync(), Throws.InstanceOf<ObjectDisposedException>());
            Assert.That(async () => await kept!.CommitAsync(), Throws.InstanceOf<ObjectDisposedException>());
        });
        Assert.That(_store.Calls, Has.Count.EqualTo(calls), "the store is not asked");
        Assert.That(await bob.GetAsync("/get/name"), Is.EqualTo("bob"));
        Assert.That(await alice.GetAsync("/get/name"), Is.EqualTo("alice"));
    }

    [Test]
    public async Task Headers_of_callbacks_are_on_the_error_page_of_a_middleware_that_fails_after_the_commit()
    {
        await using Application application = await Application.StartAsync(
            _store,
            app =>
            {
                app.UseExceptionHandler(new ExceptionHandlerOptions { ExceptionHandler = context => context.Response.WriteAsync("sorry") });
                app.UseRouting();
                app.Use(
                    async (context, next) =>
                    {
                        context.Response.OnStarting(() =>
                        {
                            context.Response.Headers.XFrameOptions = "DENY";
                            return Task.CompletedTask;
                        });
                        await next(context);
                        throw new InvalidOperationException("The middleware failed.");
                    }
                );
                app.UseEndpoints(_ => { });
                app.MapPost("/empty", async (IWorkflowSessions sessions) => (await sessions.OpenAsync("checkout")).Set("step", "1"));
            }
        );
        using Browser browser = application.Browser();
        using HttpResponseMessage response = await browser.SendAsync(HttpMethod.Post, "/empty");
        Assert.That(await response.Content.ReadAsStringAsync(), Is.EqualTo("sorry"));
        Assert.That(response.Headers.GetValues("X-Frame-Options"), Is.EqualTo(["DENY"]));
    }

    [TestCase("redirect")]
    [TestCase("empty")]
    [TestCase("no content")]
    [TestCase("text")]
    [TestCase("flushed")]
    public async Task Change_of_a_callback_is_stored_whatever_the_response_is(string kind)
    {
        await using Application application = await Application.StartAsync(
            _store,
            app =>
                app.MapPost(
                    "/callback",
                    async (HttpContext context, IWorkflowSessions sessions) =>
                    {
                        WorkflowSession workflow = await sessions.OpenAsync("checkout");
                        context.Response.OnStarting(() =>
                        {
                            workflow.Set("step", "2");
                            return Task.CompletedTask;
                        });
                        await AnswerAsync(context.Response, kind);
                    }
                )
        );
        using Browser browser = application.Browser();
        using HttpResponseMessage response = await browser.SendAsync(HttpMethod.Post, "/callback");
        Assert.That((int)response.StatusCode, Is.LessThan(400));
        Assert.That(await browser.GetAsync("/get/checkout/step"), Is.EqualTo("2"));
    }

    [TestCase("redirect")]
    [TestCase("empty")]
    [TestCase("no content")]
    [TestCase("text")]
    public async Task Change_of_a_callback_that_can_not_be_stored_is_no_success(string kind)
    {
        await using Application application = await Application.StartAsync(
            _store,
            app =>
                app.MapPost(
                    "/callback",
                    (HttpContext context, IWorkflowSessions sessions) =>
                    {
                        context.Response.OnStarting(async () => (await sessions.OpenAsync("checkout")).Set("step", "2"));
                        return AnswerAsync(context.Response, kind);
                    }
                ),
            kestrel: true
        );
        using Browser browser = application.Browser();
        _store.FailCommits();
        using HttpResponseMessage response = await browser.SendAsync(HttpMethod.Post, "/callback");
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.ServiceUnavailable));
        Assert.That(await response.Content.ReadAsStringAsync(), Does.Not.Contain("text"));
    }

    [Test]
    public async Task Middleware_in_front_that_changes_a_workflow_after_the_commit_gets_an_exception()
    {
        Exception? told = null;
        await using Application application = await Application.StartAsync(
            _store,
            before: app =>
                app.Use(
                    async (context, next) =>
                    {
                        await next(context);
                        try
                        {
                            IWorkflowSessions sessions = context.RequestServices.GetRequiredService<IWorkflowSessions>();
                            (await sessions.OpenAsync("checkout")).Set("step", "late");
                        }
                        catch (InvalidOperationException error)
                        {
                            told = error;
                        }
                    }
                )
        );
        using Browser browser = application.Browser();
        await browser.PostAsync("/set/checkout/step/1");
        Assert.That(told?.Message, Does.Contain("committed already"));
        Assert.That(await browser.GetAsync("/get/checkout/step"), Is.EqualTo("1"));
    }

    [TestCase(false)]
    [TestCase(true)]
    public async Task Request_that_times_out_stores_nothing(bool dropIn)
    {
        await using WebApplication application = await StartWithTimeoutAsync(dropIn);
        using Browser browser = new(new SocketsHttpHandler { UseCookies = false }, new Uri(application.Urls.First()), Browser.CookieName);
        using HttpResponseMessage response = await browser.SendAsync(HttpMethod.Post, "/slow");
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.GatewayTimeout));
        Assert.That(_store.Calls, Has.None.StartsWith("commit"));
    }

    [TestCase(false)]
    [TestCase(true)]
    public async Task Client_that_disconnects_stores_nothing_when_the_handler_is_cancelled(bool dropIn)
    {
        await using WebApplication application = await StartWithTimeoutAsync(dropIn);
        using HttpClient client = new();
        using CancellationTokenSource leaves = new();
        Task<HttpResponseMessage> sending = client.PostAsync(new Uri($"{application.Urls.First()}/waits"), content: null, leaves.Token);
        await _waiting.Task;
        await leaves.CancelAsync();
        Assert.That(async () => await sending, Throws.InstanceOf<OperationCanceledException>());
        await _cancelled.Task;
        await application.StopAsync();
        Assert.That(_store.Calls, Has.None.StartsWith("commit"));
    }

    [Test]
    public async Task Exception_after_the_first_byte_stores_nothing_of_what_came_after_it()
    {
        await using Application application = await Application.StartAsync(
            _store,
            app =>
                app.MapPost(
                    "/stream",
                    async (HttpResponse response, IWorkflowSessions sessions) =>
                    {
                        WorkflowSession workflow = await sessions.OpenAsync("checkout");
                        workflow.Set("step", "1");
                        await response.WriteAsync("begun");
                        await response.Body.FlushAsync();
                        workflow.Set("step", "2");
                        throw new InvalidOperationException("The handler failed.");
                    }
                ),
            kestrel: true
        );
        using Browser browser = application.Browser("http");
        Assert.That(async () => await browser.PostAsync("/stream"), Throws.InstanceOf<HttpRequestException>());
        string root = _store.Sessions.First();
        WorkflowSession stored = new(_store.Open(root), "checkout");
        await stored.LoadAsync();
        Assert.That(stored.Get<string>("step"), Is.EqualTo("1"));
    }

    [Test]
    public async Task Instance_from_before_DiscardChanges_can_not_store_under_a_session_that_nobody_reaches()
    {
        await using Application application = await Application.StartAsync(
            _store,
            app =>
                app.MapPost(
                    "/discard",
                    async (IWorkflowSessions sessions) =>
                    {
                        WorkflowSession old = await sessions.OpenAsync("checkout");
                        sessions.DiscardChanges();
                        (await sessions.OpenAsync("checkout")).Set("step", "2");
                        Assert.That(() => old.Set("step", "old"), Throws.InvalidOperationException.With.Message.Contains("discarded"));
                        Assert.That(
                            async () => await old.UpdateAsync(w => w.Set("step", "old")),
                            Throws.InvalidOperationException.With.Message.Contains("discarded")
                        );
                        return "saved";
                    }
                )
        );
        using Browser browser = application.Browser();
        Assert.That(await browser.PostAsync("/discard"), Is.EqualTo("saved"));
        Assert.That(await browser.GetAsync("/get/checkout/step"), Is.EqualTo("2"));
        Assert.That(_store.Calls.Count(call => call == "commit checkout"), Is.EqualTo(1));
    }

    [Test]
    public async Task Token_of_one_OpenAsync_does_not_cancel_another_of_the_same_workflow()
    {
        TaskCompletionSource loading = new(TaskCreationOptions.RunContinuationsAsynchronously);
        TaskCompletionSource gate = new(TaskCreationOptions.RunContinuationsAsynchronously);
        await using Application application = await Application.StartAsync(
            _store,
            app =>
                app.MapGet(
                    "/parallel",
                    async (IWorkflowSessions sessions) =>
                    {
                        using CancellationTokenSource cancels = new();
                        Task<WorkflowSession> first = sessions.OpenAsync("checkout", cancels.Token).AsTask();
                        Task<WorkflowSession> second = sessions.OpenAsync("checkout", CancellationToken.None).AsTask();
                        await loading.Task;
                        await cancels.CancelAsync();
                        Assert.That(async () => await first, Throws.InstanceOf<OperationCanceledException>());
                        gate.SetResult();
                        return (await second).Get<string>("step");
                    }
                )
        );
        using Browser browser = application.Browser();
        await browser.PostAsync("/set/checkout/step/1");
        _store.Before = call =>
        {
            loading.TrySetResult();
            return call == "load checkout" ? gate.Task : Task.CompletedTask;
        };
        Assert.That(await browser.GetAsync("/parallel"), Is.EqualTo("1"));
    }

    [Test]
    public async Task Workflows_that_are_opened_ninety_at_a_time_are_all_stored()
    {
        const int Workflows = 90;
        _store.Options.MaxWorkflows = Workflows + 1;
        await using Application application = await Application.StartAsync(
            _store,
            app =>
                app.MapPost(
                    "/many",
                    async (IWorkflowSessions sessions) =>
                        await Parallel.ForAsync(
                            0,
                            Workflows,
                            new ParallelOptions { MaxDegreeOfParallelism = Workflows },
                            async (i, ct) => (await sessions.OpenAsync($"w{i}", ct)).Set("x", i)
                        )
                )
        );
        using Browser browser = application.Browser();
        for (int round = 0; round < 20; round++)
        {
            Assert.That(await browser.PostAsync("/many"), Is.Empty);
        }

        Assert.That((await browser.GetAsync("/list")).Split(' '), Has.Length.EqualTo(Workflows));
    }

    [Test]
    public async Task Exception_that_a_filter_handles_stores_the_changes_unless_they_are_discarded()
    {
        await using Application application = await Application.StartAsync(
            _store,
            app =>
            {
                Map("/handled", discards: false);
                Map("/discarded", discards: true);

                void Map(string path, bool discards) =>
                    app.MapPost(
                            path,
                            async (IWorkflowSessions sessions) =>
                            {
                                (await sessions.OpenAsync(path[1..])).Set("step", "1");
                                throw new InvalidOperationException("The handler failed.");
                            }
                        )
                        .AddEndpointFilter(
                            async (context, next) =>
                            {
                                try
                                {
                                    return await next(context);
                                }
                                catch (InvalidOperationException)
                                {
                                    if (discards)
                                    {
                                        context.HttpContext.RequestServices.GetRequiredService<IWorkflowSessions>().DiscardChanges();
                                    }

                                    return Results.Conflict();
                                }
                            }
                        );
            }
        );
        using Browser browser = application.Browser();
        await browser.PostAsync("/handled");
        await browser.PostAsync("/discarded");
        Assert.That(await browser.GetAsync("/get/handled/step"), Is.EqualTo("1"));
        Assert.That(await browser.GetAsync("/get/discarded/step"), Is.EqualTo("none"));
    }

    [Test]
    public async Task Bytes_from_before_the_first_workflow_are_dropped_when_it_can_not_be_stored()
    {
        await using Application application = await Application.StartAsync(
            _store,
            app =>
                app.MapPost(
                    "/late",
                    async (HttpContext context, IWorkflowSessions sessions) =>
                    {
                        "HANDLER"u8.CopyTo(context.Response.BodyWriter.GetSpan(7));
                        context.Response.BodyWriter.Advance(7);
                        (await sessions.OpenAsync("checkout")).Set("step", "1");
                    }
                ),
            kestrel: true
        );
        using Browser browser = application.Browser();
        _store.FailCommits();
        await AssertFailsAsync(async () => await browser.SendAsync(HttpMethod.Post, "/late"));
    }

    [Test]
    public async Task Headers_of_middleware_stay_on_a_failure_and_those_of_the_endpoint_go()
    {
        await using Application application = await Application.StartAsync(
            _store,
            app =>
            {
                app.Use((context, next) => SetAsync(context, next, "X-Behind"));
                app.MapPost(
                    "/headers",
                    async (HttpContext context, IWorkflowSessions sessions) =>
                    {
                        context.Response.Headers["X-Order"] = "4711";
                        context.Response.Headers.Location = "/thanks";
                        (await sessions.OpenAsync("checkout")).Set("step", "1");
                        await context.Response.WriteAsync("saved");
                    }
                );
            },
            before: app => app.Use((context, next) => SetAsync(context, next, "X-Front"))
        );
        using Browser browser = application.Browser();
        _store.FailCommits();
        using HttpResponseMessage response = await browser.SendAsync(HttpMethod.Post, "/headers");
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.ServiceUnavailable));
        string[] names = [.. response.Headers.Select(header => header.Key)];
        Assert.That(names, Does.Contain("X-Front").And.Contain("X-Behind"));
        Assert.That(names, Does.Not.Contain("X-Order").And.Not.Contain("Location"));

        static Task SetAsync(HttpContext context, RequestDelegate next, string header)
        {
            context.Response.Headers[header] = "1";
            return next(context);
        }
    }

    [Test]
    public async Task Page_of_a_status_finds_the_reason()
    {
        await using Application application = await Application.StartAsync(
            _store,
            app =>
                app.Map(
                    "/status",
                    (HttpContext context) =>
                        context.Features.Get<IExceptionHandlerFeature>()?.Error is WorkflowConflictException conflict
                            ? conflict.Reason.ToString()
                            : "none"
                ),
            before: app => app.UseStatusCodePagesWithReExecute("/status")
        );
        using Browser browser = application.Browser();
        await browser.PostAsync("/set/checkout/step/1");
        using Browser late = application.Browser();
        late.Cookie = browser.Cookie;
        await browser.PostAsync("/sign-in");
        using HttpResponseMessage response = await late.SendAsync(HttpMethod.Post, "/set/checkout/step/2", accept: "text/html");
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.Conflict));
        Assert.That(await response.Content.ReadAsStringAsync(), Is.EqualTo("StaleSession"));
    }

    [Test]
    public async Task Full_store_gives_503_and_tells_when_to_try_again()
    {
        await using Application application = await Application.StartAsync(
            new InMemorySessionStoreFactory(new InMemorySessionStoreOptions { MaxSessions = 1 })
        );
        using Browser first = application.Browser();
        Assert.That(await first.PostAsync("/set/checkout/step/1"), Is.EqualTo("saved"));
        using Browser second = application.Browser();
        using HttpResponseMessage response = await second.SendAsync(HttpMethod.Post, "/set/checkout/step/1");
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.ServiceUnavailable));
        Assert.That(response.Headers.RetryAfter?.Delta, Is.GreaterThan(TimeSpan.Zero));
        Assert.That(Browser.SetCookieOf(response), Is.Null);
        Assert.That(await first.PostAsync("/set/checkout/step/2"), Is.EqualTo("saved"));
    }

    [Test]
    public async Task Value_over_the_limits_is_a_programming_error()
    {
        _store.Options.MaxWorkflowBytes = 100;
        await using Application application = await Application.StartAsync(_store, kestrel: true);
        using Browser browser = application.Browser();
        Assert.That(await browser.PostAsync($"/set/checkout/step/{new string('x', 200)}"), Is.EqualTo("500"));
        Assert.That(_store.Calls, Has.None.StartsWith("commit"));
    }

    /// <summary>A response of failure without bytes of the handler, or one that breaks off: never a success.</summary>
    private static async Task AssertFailsAsync(Func<Task<HttpResponseMessage>> send)
    {
        try
        {
            using HttpResponseMessage response = await send();
            Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.ServiceUnavailable));
            Assert.That(await response.Content.ReadAsStringAsync(), Does.Not.Contain("HANDLER"));
        }
        catch (HttpRequestException)
        {
            // The connection was aborted.
        }
    }

    private async Task<WebApplication> StartWithTimeoutAsync(bool dropIn)
    {
        WebApplicationBuilder builder = WebApplication.CreateBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Services.AddRequestTimeouts();
        IWorkflowSessionsBuilder sessions = builder.Services.AddWorkflowSessions().AddStore<InMemorySessionStoreOptions>((_, _) => _store);
        if (dropIn)
        {
            sessions.AddHttpContextSession();
        }

        WebApplication app = builder.Build();
        app.UseRouting();
        if (!dropIn)
        {
            app.UseWorkflowSessions();
        }

        app.UseRequestTimeouts();
        app.MapPost(
                "/slow",
                async (HttpContext context) =>
                {
                    await SetAsync(context, dropIn);
                    await Task.Delay(Timeout.Infinite, context.RequestAborted);
                }
            )
            .WithRequestTimeout(new RequestTimeoutPolicy { Timeout = TimeSpan.FromMilliseconds(50) });
        app.MapPost(
            "/waits",
            async (HttpContext context) =>
            {
                await SetAsync(context, dropIn);
                _waiting.SetResult();
                try
                {
                    await Task.Delay(Timeout.Infinite, context.RequestAborted);
                }
                finally
                {
                    _cancelled.SetResult();
                }
            }
        );
        await app.StartAsync();
        return app;
    }

    private static async Task SetAsync(HttpContext context, bool dropIn)
    {
        IWorkflowSessions sessions = context.RequestServices.GetRequiredService<IWorkflowSessions>();
        (await sessions.OpenAsync("checkout")).Set("step", "1");
        if (dropIn)
        {
            context.Session.SetString("step", "1");
        }
    }

    private static void MapErrorPage(WebApplication app) =>
        app.Map(
            "/error",
            async (IWorkflowSessions sessions) =>
            {
                (await sessions.OpenAsync("errors")).Set("seen", "1");
                return $"sorry {(await sessions.OpenAsync("checkout")).Get("step", "none")}";
            }
        );

    private static async Task AnswerAsync(HttpResponse response, string kind)
    {
        switch (kind)
        {
            case "redirect":
                response.Redirect("/");
                break;
            case "no content":
                response.StatusCode = StatusCodes.Status204NoContent;
                break;
            case "text":
                await response.WriteAsync("text");
                break;
            case "flushed":
                await response.WriteAsync("text");
                await response.Body.FlushAsync();
                break;
            default:
                break;
        }
    }
}
