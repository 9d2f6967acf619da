using System.Buffers;
using System.Net;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.ResponseCompression;
using Microsoft.Extensions.DependencyInjection;

namespace WorkflowSessions.AspNetCore.Tests;

/// <summary>When a request is committed, and what its client gets when it can't be.</summary>
public sealed class CommitPolicyTests
{
    private static readonly SessionStoreException Down = new("The store is down.", "checkout", mayBeStored: false);

    private readonly StoreOfTest _store = new();

    /// <summary>The ways in which an endpoint may answer.</summary>
    private static IEnumerable<TestCaseData> Answers
    {
        get
        {
            yield return Answer("nothing", _ => Task.CompletedTask);
            yield return Answer("text", context => context.Response.WriteAsync("saved"));
            yield return Answer("JSON", context => context.Response.WriteAsJsonAsync(new { Text = "saved" }));
            yield return Answer("stream", context => context.Response.Body.WriteAsync("saved"u8.ToArray()).AsTask());
            yield return Answer("flush", context => context.Response.Body.FlushAsync());
            yield return Answer("start", context => context.Response.StartAsync());
            yield return Answer("complete", context => context.Response.CompleteAsync());
            yield return Answer("file", context => context.Response.SendFileAsync(typeof(CommitPolicyTests).Assembly.Location));
            yield return Answer("redirect", context => Results.Redirect("/").ExecuteAsync(context));
            yield return Answer("error of the client", context => Results.BadRequest("saved").ExecuteAsync(context));
            yield return Answer(
                "writer that is not flushed",
                context =>
                {
                    context.Response.BodyWriter.Write("saved"u8);
                    return Task.CompletedTask;
                }
            );
            yield return Answer(
                "writer that is completed",
                async context =>
                {
                    context.Response.BodyWriter.Write("saved"u8);
                    await context.Response.BodyWriter.CompleteAsync();
                }
            );
            yield return Answer(
                "writer and stream",
                async context =>
                {
                    context.Response.BodyWriter.Write("sa"u8);
                    await context.Response.Body.WriteAsync("ve"u8.ToArray());
                    context.Response.BodyWriter.Write("d"u8);
                }
            );
            yield return Answer(
                "synchronous write",
                context =>
                {
                    context.Features.GetRequiredFeature<IHttpBodyControlFeature>().AllowSynchronousIO = true;
                    context.Response.Body.Write("saved"u8);
                    return Task.CompletedTask;
                }
            );

            static TestCaseData Answer(string name, Func<HttpContext, Task> answer) => new TestCaseData(answer).SetArgDisplayNames(name);
        }
    }

    [TestCaseSource(nameof(Answers))]
    public async Task Changes_are_stored_before_the_first_byte(Func<HttpContext, Task> answer)
    {
        await using Application application = await StartAsync(SetAndAnswer(answer));
        using Browser browser = application.Browser();
        TaskCompletionSource gate = new();
        TaskCompletionSource committing = new();
        _store.Before = call =>
        {
            committing.TrySetResult();
            return gate.Task;
        };
        Task<HttpResponseMessage> response = browser.SendAsync(HttpMethod.Post, "/answer");
        await committing.Task.WaitAsync(TimeSpan.FromSeconds(10));
        Assert.That(response.IsCompleted, Is.False);
        gate.SetResult();
        using HttpResponseMessage answered = await response;
        Assert.That(answered.StatusCode, Is.Not.EqualTo(HttpStatusCode.ServiceUnavailable));
        string body = await answered.Content.ReadAsStringAsync();
        Assert.That(body, Is.Empty.Or.Contains("saved").Or.Length.GreaterThan(1_000));
        Assert.That(await browser.GetAsync("/get/checkout/step"), Is.EqualTo("2"));
    }

    [TestCaseSource(nameof(Answers))]
    public async Task What_is_not_stored_is_never_a_success(Func<HttpContext, Task> answer)
    {
        await using Application application = await StartAsync(SetAndAnswer(answer));
        using Browser browser = application.Browser();
        await browser.PostAsync("/set/checkout/step/1");
        _store.Before = call => call == "commit checkout" ? Task.FromException(Down) : Task.CompletedTask;
        using HttpResponseMessage response = await browser.SendAsync(HttpMethod.Post, "/answer");
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.ServiceUnavailable));
        Assert.That(response.Content.Headers.ContentType!.MediaType, Is.EqualTo("application/problem+json"));
        JsonNode problem = JsonNode.Parse(await response.Content.ReadAsStringAsync())!;
        Assert.That((string?)problem["workflows"]![0], Is.EqualTo("checkout"));
        Assert.That((bool)problem["mayBeStored"]!, Is.False);
        _store.Before = _ => Task.CompletedTask;
        Assert.That(await browser.GetAsync("/get/checkout/step"), Is.EqualTo("1"));
    }

    [Test]
    public async Task Store_that_is_down_at_the_load_gives_503()
    {
        await using Application application = await StartAsync();
        using Browser browser = application.Browser();
        await browser.PostAsync("/set/checkout/step/1");
        _store.Before = _ => Task.FromException(Down);
        using HttpResponseMessage response = await browser.SendAsync(HttpMethod.Get, "/get/checkout/step");
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.ServiceUnavailable));
        using HttpResponseMessage page = await browser.SendAsync(HttpMethod.Get, "/get/checkout/step", "text/html,*/*");
        Assert.That(page.StatusCode, Is.EqualTo(HttpStatusCode.ServiceUnavailable));
        Assert.That(await page.Content.ReadAsStringAsync(), Is.Empty, "so that the application's own page can be shown");
        _store.Before = _ => Task.CompletedTask;
        Assert.That(await browser.GetAsync("/get/checkout/step"), Is.EqualTo("1"), "the cookie is as good as before");
    }

    [Test]
    public async Task Exception_stores_nothing()
    {
        await using Application application = await StartAsync(SetAndAnswer(_ => throw new InvalidOperationException("bad luck")));
        using Browser browser = application.Browser();
        await browser.PostAsync("/set/checkout/step/1");
        Assert.That(async () => await browser.SendAsync(HttpMethod.Post, "/answer"), Throws.InvalidOperationException);
        Assert.That(await browser.GetAsync("/get/checkout/step"), Is.EqualTo("1"));
    }

    [TestCase(true)]
    [TestCase(false)]
    public async Task Error_page_stores_its_own_changes_and_none_of_the_request(bool outside)
    {
        void UseHandler(WebApplication application) =>
            application.UseExceptionHandler(handler =>
                handler.Run(async context =>
                {
                    IWorkflowSessions sessions = context.RequestServices.GetRequiredService<IWorkflowSessions>();
                    WorkflowSession errors = await sessions.OpenAsync("errors");
                    errors.Set("n", errors.Get("n", 0) + 1);
                    await errors.CommitAsync();
                    await context.Response.WriteAsync("sorry");
                })
            );

        // Outside, the handler runs the requests through all of it again, and so it must be the error page of a path.
        await using Application application = await Application.StartAsync(
            _store,
            app =>
            {
                if (!outside)
                {
                    UseHandler(app);
                }

                SetAndAnswer(_ => throw new InvalidOperationException("bad luck"))(app);
                app.MapPost(
                    "/error",
                    async (IWorkflowSessions sessions) =>
                    {
                        WorkflowSession errors = await sessions.OpenAsync("errors");
                        errors.Set("n", errors.Get("n", 0) + 1);
                        return "sorry";
                    }
                );
            },
            before: app =>
            {
                if (outside)
                {
                    app.UseExceptionHandler("/error");
                }
            }
        );
        using Browser browser = application.Browser();
        await browser.PostAsync("/set/checkout/step/1");
        using HttpResponseMessage response = await browser.SendAsync(HttpMethod.Post, "/answer");
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.InternalServerError));
        Assert.That(await response.Content.ReadAsStringAsync(), Is.EqualTo("sorry"));
        Assert.That(await browser.GetAsync("/get/checkout/step"), Is.EqualTo("1"));
        Assert.That(await browser.GetAsync("/list"), Is.EqualTo("checkout errors"));
    }

    [Test]
    public async Task Cookie_survives_an_error_after_the_session_began_or_was_renewed()
    {
        await using Application application = await Application.StartAsync(
            _store,
            app =>
                app.MapPost(
                    "/answer",
                    async (IWorkflowSessions sessions) =>
                    {
                        (await sessions.OpenAsync("checkout")).Set("step", "2");
                        await sessions.CommitAsync();
                        await sessions.RegenerateIdAsync();
                        throw new InvalidOperationException("bad luck");
                    }
                ),
            before: app => app.UseExceptionHandler(handler => handler.Run(context => context.Response.WriteAsync("sorry")))
        );
        using Browser browser = application.Browser();
        for (int i = 0; i < 2; i++)
        {
            string? before = browser.Cookie;
            Assert.That(await browser.PostAsync("/answer"), Is.EqualTo("500"));
            Assert.That(browser.Cookie, Is.Not.Null.And.Not.EqualTo(before));
            Assert.That(await browser.GetAsync("/get/checkout/step"), Is.EqualTo("2"));
        }
    }

    [Test]
    public async Task Client_that_is_gone_does_not_tear_a_commit()
    {
        TaskCompletionSource gone = new();
        await using Application application = await StartAsync(
            SetAndAnswer(async context =>
            {
                await gone.Task;
                context.Abort();
            })
        );
        using Browser browser = application.Browser();
        await browser.PostAsync("/set/checkout/step/1");
        Task response = browser.SendAsync(HttpMethod.Post, "/answer");
        gone.SetResult();
        Assert.That(async () => await response, Throws.InstanceOf<Exception>());
        await UntilAsync(async () => await browser.GetAsync("/get/checkout/step") == "2");
    }

    [Test]
    public async Task Changes_after_the_first_byte_are_stored_at_the_end_or_the_response_breaks_off()
    {
        await using Application application = await Application.StartAsync(
            _store,
            app =>
                app.MapPost(
                    "/stream",
                    async (IWorkflowSessions sessions, HttpResponse response) =>
                    {
                        WorkflowSession workflow = await sessions.OpenAsync("checkout");
                        workflow.Set("step", "2");
                        await response.WriteAsync("first");
                        await response.Body.FlushAsync();
                        workflow.Set("step", "3");
                        await response.WriteAsync("second");
                    }
                ),
            kestrel: true
        );
        using Browser browser = application.Browser();
        Assert.That(await browser.PostAsync("/stream"), Is.EqualTo("firstsecond"));
        Assert.That(await browser.GetAsync("/get/checkout/step"), Is.EqualTo("3"));

        int commits = 0;
        _store.Before = call => call == "commit checkout" && ++commits == 2 ? Task.FromException(Down) : Task.CompletedTask;
        Assert.That(async () => await browser.PostAsync("/stream"), Throws.InstanceOf<HttpRequestException>());
        Assert.That(application.Log.Messages, Has.Some.StartsWith("12 "));
        _store.Before = _ => Task.CompletedTask;
        Assert.That(await browser.GetAsync("/get/checkout/step"), Is.EqualTo("2"));
    }

    [Test]
    public async Task Session_can_not_begin_after_the_first_byte()
    {
        await using Application application = await Application.StartAsync(
            _store,
            app =>
                app.MapPost(
                    "/late",
                    async (IWorkflowSessions sessions, HttpResponse response) =>
                    {
                        await response.WriteAsync("first");
                        await response.Body.FlushAsync();
                        WorkflowSession workflow = await sessions.OpenAsync("checkout");
                        InvalidOperationException? error = Assert.Throws<InvalidOperationException>(() => workflow.Set("step", "2"));
                        await response.WriteAsync(error!.Message);
                    }
                )
        );
        using Browser browser = application.Browser();
        Assert.That(await browser.PostAsync("/late"), Does.Contain("the cookie of a new session can't be sent"));
        Assert.That(_store.Calls, Is.Empty);
    }

    [Test]
    public async Task Error_names_all_workflows_that_were_not_stored_and_stores_the_others()
    {
        await using Application application = await Application.StartAsync(
            _store,
            app =>
                app.MapPost(
                    "/three",
                    async (IWorkflowSessions sessions) =>
                    {
                        foreach (string id in new[] { "a", "b", "c" })
                        {
                            (await sessions.OpenAsync(id)).Set("x", "1");
                        }

                        return "saved";
                    }
                )
        );
        using Browser browser = application.Browser();
        await browser.PostAsync("/set/checkout/step/1");
        _store.Before = call =>
            call is "commit a" or "commit c"
                ? Task.FromException(new SessionStoreException("down", call[^1..], mayBeStored: call[^1] == 'c'))
                : Task.CompletedTask;
        using HttpResponseMessage response = await browser.SendAsync(HttpMethod.Post, "/three");
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.ServiceUnavailable));
        JsonNode problem = JsonNode.Parse(await response.Content.ReadAsStringAsync())!;
        Assert.That(problem["workflows"]!.AsArray().Select(id => (string?)id), Is.EqualTo(new[] { "a", "c" }));
        Assert.That((bool)problem["mayBeStored"]!, Is.True);
        Assert.That(await browser.GetAsync("/list"), Is.EqualTo("b checkout"));
    }

    [Test]
    public async Task Workflow_that_others_ended_gives_409()
    {
        Browser? other = null;
        await using Application application = await Application.StartAsync(
            _store,
            app =>
            {
                SetAndAnswer(async context =>
                {
                    await other!.PostAsync("/end");
                    await context.Response.WriteAsync("saved");
                })(app);
                app.MapPost("/end", async (IWorkflowSessions sessions) => (await sessions.OpenAsync("checkout")).End());
            }
        );
        using Browser browser = application.Browser();
        await browser.PostAsync("/set/checkout/step/1");
        other = application.Browser();
        other.Cookie = browser.Cookie;
        using HttpResponseMessage response = await browser.SendAsync(HttpMethod.Post, "/answer");
        other.Dispose();
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.Conflict));
        JsonNode problem = JsonNode.Parse(await response.Content.ReadAsStringAsync())!;
        Assert.That((string?)problem["reason"], Is.EqualTo("Ended"));
        Assert.That(await browser.GetAsync("/list"), Is.Empty);
    }

    [Test]
    public async Task Handler_may_commit_itself_and_answer_in_its_own_words()
    {
        await using Application application = await Application.StartAsync(
            _store,
            app =>
                app.MapPost(
                    "/own",
                    async (IWorkflowSessions sessions) =>
                    {
                        (await sessions.OpenAsync("checkout")).Set("step", "2");
                        try
                        {
                            await sessions.CommitAsync();
                            return Results.Ok("saved");
                        }
                        catch (SessionStoreException error)
                        {
                            sessions.DiscardChanges();
                            return Results.Text($"not saved, {error.WorkflowId}", statusCode: 502);
                        }
                    }
                )
        );
        using Browser browser = application.Browser();
        Assert.That(await browser.PostAsync("/own"), Is.EqualTo("\"saved\""));
        _store.Before = call =>
            call == "commit checkout" && _store.Calls.Count(made => made == call) == 2 ? Task.FromException(Down) : Task.CompletedTask;
        using HttpResponseMessage response = await browser.SendAsync(HttpMethod.Post, "/own");
        Assert.That((int)response.StatusCode, Is.EqualTo(502));
        Assert.That(await response.Content.ReadAsStringAsync(), Is.EqualTo("not saved, checkout"));
    }

    [Test]
    public async Task Session_that_can_not_begin_stores_nothing_and_begins_when_it_is_tried_again()
    {
        await using Application application = await Application.StartAsync(
            _store,
            app =>
                app.MapPost(
                    "/two",
                    async (IWorkflowSessions sessions) =>
                    {
                        (await sessions.OpenAsync("a")).Set("x", "1");
                        (await sessions.OpenAsync("b")).Set("x", "1");
                        _store.Before = call =>
                            call == "commit $session" ? Task.FromException(new IOException("down")) : Task.CompletedTask;
                        SessionStoreException? error = await Assert.ThrowsAsync<SessionStoreException>(async () =>
                            await sessions.CommitAsync()
                        );
                        Assert.That(error!.Message, Does.Contain("'a'").And.Contain("'b'"));
                        Assert.That(error.MayBeStored, Is.False);
                        _store.Before = _ => Task.CompletedTask;
                    }
                )
        );
        using Browser browser = application.Browser();
        Assert.That(await browser.PostAsync("/two"), Is.Empty);
        Assert.That(await browser.GetAsync("/list"), Is.EqualTo("a b"));
    }

    [Test]
    public async Task Head_is_committed_too()
    {
        await using Application application = await StartAsync(SetAndAnswer(context => context.Response.WriteAsync("saved")));
        using Browser browser = application.Browser();
        using HttpResponseMessage response = await browser.SendAsync(HttpMethod.Head, "/answer");
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.OK));
        Assert.That(await browser.GetAsync("/get/checkout/step"), Is.EqualTo("2"));
    }

    [TestCase(true)]
    [TestCase(false)]
    public async Task Compression_and_buffering_around_it_or_in_it_change_nothing(bool outside)
    {
        static void Use(WebApplication app)
        {
            app.UseResponseCompression();
            app.Use(
                async (context, next) =>
                {
                    Stream original = context.Response.Body;
                    using MemoryStream buffer = new();
                    context.Response.Body = buffer;
                    await next(context);
                    context.Response.Body = original;
                    await original.WriteAsync(buffer.ToArray());
                }
            );
        }

        string text = string.Concat(Enumerable.Repeat("saved ", 1_000));
        await using Application application = await Application.StartAsync(
            _store,
            app =>
            {
                if (!outside)
                {
                    Use(app);
                }

                SetAndAnswer(context => context.Response.WriteAsync(text))(app);
            },
            builder =>
                builder
                    .Services.AddResponseCompression(options => options.EnableForHttps = true)
                    .Configure<ResponseCompressionOptions>(options => options.MimeTypes = ["text/plain"]),
            before: app =>
            {
                if (outside)
                {
                    Use(app);
                }
            }
        );
        using Browser browser = application.Browser();
        Assert.That(await browser.PostAsync("/answer"), Is.EqualTo(text));
        Assert.That(await browser.GetAsync("/get/checkout/step"), Is.EqualTo("2"));
        _store.Before = call => call == "commit checkout" ? Task.FromException(Down) : Task.CompletedTask;
        Assert.That(await browser.PostAsync("/answer"), Is.EqualTo("503"));
    }

    [Test]
    public async Task Session_and_first_workflow_are_loaded_in_one_round_trip()
    {
        await using Application application = await StartAsync();
        using Browser browser = application.Browser();
        await browser.PostAsync("/set/checkout/step/1");
        TaskCompletionSource both = new();
        _store.Calls.Clear();
        _store.Before = _ =>
        {
            if (_store.Calls.Count == 2)
            {
                both.SetResult();
            }

            // Neither is answered before the other is under way.
            return both.Task.WaitAsync(TimeSpan.FromSeconds(30));
        };
        Assert.That(await browser.GetAsync("/get/checkout/step"), Is.EqualTo("1"));
        Assert.That(_store.Calls, Is.EquivalentTo(new[] { "load $session", "load checkout" }));
    }

    [Test]
    public async Task Request_that_opens_nothing_or_only_reads_without_a_session_calls_no_store()
    {
        await using Application application = await StartAsync();
        using Browser browser = application.Browser();
        Assert.That(await browser.GetAsync("/get/checkout/step"), Is.EqualTo("none"));
        await browser.PostAsync("/set/checkout/step/1");
        Assert.That(_store.Calls, Is.EqualTo(new[] { "commit $session", "commit checkout" }));
        Assert.That(await browser.GetAsync("/nothing"), Is.EqualTo("ok"));
        Assert.That(_store.Calls, Has.Count.EqualTo(2));
    }

    [Test]
    public async Task Change_of_a_workflow_whose_session_was_ended_is_refused_and_not_dropped()
    {
        await using Application application = await Application.StartAsync(
            _store,
            app =>
                app.MapPost(
                    "/after",
                    async (IWorkflowSessions sessions) =>
                    {
                        WorkflowSession workflow = await sessions.OpenAsync("checkout");
                        await sessions.EndSessionAsync();
                        InvalidOperationException? error = Assert.Throws<InvalidOperationException>(() => workflow.Set("step", "2"));
                        (await sessions.OpenAsync("checkout")).Set("step", "3");
                        return error!.Message;
                    }
                )
        );
        using Browser browser = application.Browser();
        await browser.PostAsync("/set/checkout/step/1");
        string old = browser.Cookie!;
        Assert.That(await browser.PostAsync("/after"), Does.Contain("was ended in this request").And.Contain("Open the workflow again"));
        Assert.That(browser.Cookie![..21], Is.Not.EqualTo(old[..21]));
        Assert.That(await browser.GetAsync("/get/checkout/step"), Is.EqualTo("3"));
    }

    [Test]
    public async Task Same_workflow_is_the_same_instance_also_when_opened_twice_at_a_time()
    {
        await using Application application = await Application.StartAsync(
            _store,
            app =>
                app.MapGet(
                    "/same",
                    async (IWorkflowSessions sessions) =>
                    {
                        WorkflowSession[] opened = await Task.WhenAll(
                            sessions.OpenAsync("checkout").AsTask(),
                            sessions.OpenAsync("other").AsTask(),
                            sessions.OpenAsync("checkout").AsTask()
                        );
                        return $"{ReferenceEquals(opened[0], opened[2])} {ReferenceEquals(opened[0], await sessions.OpenAsync("checkout"))} {opened[1].Id}";
                    }
                )
        );
        using Browser browser = application.Browser();
        Assert.That(await browser.GetAsync("/same"), Is.EqualTo("True True other"));
        await browser.PostAsync("/set/checkout/step/1");
        Assert.That(await browser.GetAsync("/same"), Is.EqualTo("True True other"));
    }

    private static Action<WebApplication> SetAndAnswer(Func<HttpContext, Task> answer) =>
        application =>
            application.MapMethods(
                "/answer",
                ["POST", "HEAD"],
                async (HttpContext context, IWorkflowSessions sessions) =>
                {
                    (await sessions.OpenAsync("checkout")).Set("step", "2");
                    await answer(context);
                }
            );

    private async Task<Application> StartAsync(Action<WebApplication>? map = null) => await Application.StartAsync(_store, map);

    private static async Task UntilAsync(Func<Task<bool>> condition)
    {
        using CancellationTokenSource limit = new(TimeSpan.FromSeconds(30));
        while (!await condition())
        {
            await Task.Delay(5, limit.Token);
        }
    }
}
