using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace WorkflowSessions.AspNetCore.Tests;

/// <summary>One visitor never gets another's session, and stays in his own.</summary>
public sealed class RequestSessionTests
{
    private readonly StoreOfTest _store = new();

    [Test]
    public async Task Session_that_is_kept_after_its_request_throws_and_touches_nobody()
    {
        IWorkflowSessions? kept = null;
        WorkflowSession? workflow = null;
        await using Application application = await Application.StartAsync(
            _store,
            app =>
                app.MapPost(
                    "/keep",
                    async (IWorkflowSessions sessions) =>
                    {
                        kept = sessions;
                        workflow = await sessions.OpenAsync("checkout");
                        workflow.Set("step", "alice");
                    }
                ),
            kestrel: true
        );
        using Browser alice = application.Browser();
        await alice.PostAsync("/keep");
        using Browser bob = application.Browser();
        await bob.PostAsync("/set/checkout/step/bob");
        await UntilOverAsync(kept!);
        int calls = _store.Calls.Count;
        Assert.Multiple(() =>
        {
            Assert.That(
                async () => await kept!.OpenAsync("checkout"),
                Throws.InstanceOf<ObjectDisposedException>().With.Message.Contains("ISessionStoreFactory")
            );
            Assert.That(async () => await kept!.ListAsync(), Throws.InstanceOf<ObjectDisposedException>());
            Assert.That(async () => await kept!.CommitAsync(), Throws.InstanceOf<ObjectDisposedException>());
            Assert.That(async () => await kept!.RegenerateIdAsync(), Throws.InstanceOf<ObjectDisposedException>());
            Assert.That(async () => await kept!.EndSessionAsync(), Throws.InstanceOf<ObjectDisposedException>());
            Assert.That(() => kept!.DiscardChanges(), Throws.InstanceOf<ObjectDisposedException>());
            Assert.That(() => workflow!.Get<string>("step"), Throws.InstanceOf<ObjectDisposedException>());
            Assert.That(() => workflow!.Set("step", "late"), Throws.InstanceOf<ObjectDisposedException>());
            Assert.That(async () => await workflow!.LoadAsync(), Throws.InstanceOf<ObjectDisposedException>());
            Assert.That(async () => await workflow!.CommitAsync(), Throws.InstanceOf<ObjectDisposedException>());
            Assert.That(async () => await workflow!.UpdateAsync(w => w.Set("step", "late")), Throws.InstanceOf<ObjectDisposedException>());
        });
        Assert.That(_store.Calls, Has.Count.EqualTo(calls), "the store is not asked");
        Assert.That(await bob.GetAsync("/get/checkout/step"), Is.EqualTo("bob"));
        Assert.That(await alice.GetAsync("/get/checkout/step"), Is.EqualTo("alice"));
    }

    [Test]
    public async Task Two_scopes_of_one_request_share_its_session()
    {
        await using Application application = await Application.StartAsync(
            _store,
            app =>
                app.MapPost(
                    "/scopes",
                    async (HttpContext context, IWorkflowSessions sessions, IServiceScopeFactory scopes) =>
                    {
                        (await sessions.OpenAsync("a")).Set("x", "1");
                        await using AsyncServiceScope scope = scopes.CreateAsyncScope();
                        (await scope.ServiceProvider.GetRequiredService<IWorkflowSessions>().OpenAsync("b")).Set("x", "2");
                    }
                )
        );
        using Browser browser = application.Browser();
        Assert.That(await browser.PostAsync("/scopes"), Is.Empty);
        Assert.That(await browser.GetAsync("/get/a/x"), Is.EqualTo("1"));
        Assert.That(await browser.GetAsync("/get/b/x"), Is.EqualTo("2"));
    }

    [Test]
    public async Task Response_that_used_a_workflow_is_not_cached_unless_the_application_says_so()
    {
        await using Application application = await Application.StartAsync(
            _store,
            app =>
                app.MapGet(
                    "/public",
                    async (IWorkflowSessions sessions, HttpResponse response) =>
                    {
                        await sessions.OpenAsync("checkout");
                        response.Headers.CacheControl = "public, max-age=5";
                    }
                )
        );
        using Browser browser = application.Browser();
        using HttpResponseMessage used = await browser.SendAsync(HttpMethod.Get, "/get/checkout/step");
        Assert.That(used.Headers.CacheControl!.NoStore, Is.True);
        using HttpResponseMessage own = await browser.SendAsync(HttpMethod.Get, "/public");
        Assert.That(own.Headers.CacheControl!.Public, Is.True);
        using HttpResponseMessage unused = await browser.SendAsync(HttpMethod.Get, "/nothing");
        Assert.That(unused.Headers.CacheControl, Is.Null);
    }

    [Test]
    public async Task Request_from_before_a_sign_in_reads_nothing_that_is_stored_after_it()
    {
        TaskCompletionSource begun = new(TaskCreationOptions.RunContinuationsAsynchronously);
        TaskCompletionSource signedIn = new(TaskCreationOptions.RunContinuationsAsynchronously);
        await using Application application = await Application.StartAsync(
            _store,
            app =>
                app.MapGet(
                    "/long",
                    async (IWorkflowSessions sessions) =>
                    {
                        WorkflowSession workflow = await sessions.OpenAsync("checkout");
                        begun.SetResult();
                        await signedIn.Task;
                        string reload = await ReasonAsync(async () => await workflow.LoadAsync());
                        string open = await ReasonAsync(async () => await sessions.OpenAsync("other"));
                        return $"{reload} {open}";
                    }
                )
        );
        using Browser browser = application.Browser();
        await browser.PostAsync("/set/checkout/step/1");
        using Browser attacker = application.Browser();
        attacker.Cookie = browser.Cookie;
        Task<string> reading = attacker.GetAsync("/long");
        await begun.Task;
        await browser.PostAsync("/sign-in");
        await browser.PostAsync("/set/other/card/4711");
        signedIn.SetResult();
        Assert.That(await reading, Is.EqualTo("StaleSession StaleSession"));
    }

    [Test]
    public async Task Second_click_on_sign_in_keeps_the_session_of_the_same_user_and_gives_another_user_a_new_one()
    {
        await using Application application = await Application.StartAsync(_store);
        using Browser browser = application.Browser();
        await browser.PostAsync("/set/cart/item/book");
        string before = browser.Cookie!;
        Assert.That(await browser.PostAsync("/sign-in/ada"), Is.Empty);
        using Browser second = application.Browser();
        second.Cookie = before;
        Assert.That(await second.GetAsync("/get/cart/item"), Is.EqualTo("none"), "an old cookie alone gives no data");
        Assert.That(await second.PostAsync("/sign-in/ada"), Is.Empty);
        Assert.That(await second.GetAsync("/get/cart/item"), Is.EqualTo("book"));

        using Browser mallory = application.Browser();
        mallory.Cookie = before;
        Assert.That(await mallory.PostAsync("/sign-in/mallory"), Is.Empty);
        Assert.That(await mallory.GetAsync("/get/cart/item"), Is.EqualTo("none"));
        Assert.That(await mallory.PostAsync("/set/cart/item/pen"), Is.EqualTo("saved"));
        Assert.That(await second.GetAsync("/get/cart/item"), Is.EqualTo("book"));
    }

    [Test]
    public async Task Answers_of_a_double_click_on_sign_in_may_come_in_any_order()
    {
        TaskCompletionSource signedIn = new(TaskCreationOptions.RunContinuationsAsynchronously);
        TaskCompletionSource goesOn = new(TaskCreationOptions.RunContinuationsAsynchronously);
        await using Application application = await Application.StartAsync(
            _store,
            app =>
            {
                app.MapPost(
                    "/slow-sign-in",
                    async (IWorkflowSessions sessions) =>
                    {
                        await sessions.RegenerateIdAsync("ada");
                        signedIn.SetResult();
                        await goesOn.Task;
                        (await sessions.OpenAsync("account")).Set("name", "ada");
                        return "saved";
                    }
                );
            }
        );
        using Browser first = application.Browser();
        await first.PostAsync("/set/cart/item/book");
        using Browser second = application.Browser();
        second.Cookie = first.Cookie;
        Task<string> slow = first.PostAsync("/slow-sign-in");
        await signedIn.Task;
        Assert.That(await second.PostAsync("/sign-in/ada"), Is.Empty);
        goesOn.SetResult();
        Assert.That(await slow, Is.EqualTo("saved"));
        foreach (Browser browser in new[] { first, second })
        {
            Assert.That(await browser.GetAsync("/get/cart/item"), Is.EqualTo("book"));
            Assert.That(await browser.GetAsync("/get/account/name"), Is.EqualTo("ada"));
            Assert.That(await browser.PostAsync("/set/cart/item/pen"), Is.EqualTo("saved"));
            await browser.PostAsync("/set/cart/item/book");
        }
    }

    [TestCase(true)]
    [TestCase(false)]
    public async Task Workflow_that_is_loaded_during_a_sign_in_or_a_sign_out_shows_nothing_of_the_session_before(bool signsIn)
    {
        TaskCompletionSource loading = new(TaskCreationOptions.RunContinuationsAsynchronously);
        TaskCompletionSource gate = new(TaskCreationOptions.RunContinuationsAsynchronously);
        await using Application application = await Application.StartAsync(
            _store,
            app =>
            {
                app.MapPost(
                    "/race",
                    async (IWorkflowSessions sessions) =>
                    {
                        await sessions.OpenAsync("other");
                        Task<WorkflowSession> opening = sessions.OpenAsync("cart").AsTask();
                        await loading.Task;
                        await (signsIn ? sessions.RegenerateIdAsync("bob") : sessions.EndSessionAsync());
                        gate.SetResult();
                        try
                        {
                            WorkflowSession cart = await opening;
                            string read = cart.Get("item", "none")!;
                            cart.Set("item", "of bob");
                            return read;
                        }
                        catch (InvalidOperationException) when (!signsIn)
                        {
                            return "none";
                        }
                    }
                );
            }
        );
        using Browser browser = application.Browser();
        await browser.PostAsync("/set/cart/item/of-ada");
        await browser.PostAsync("/sign-in/ada");
        bool waits = true;
        _store.Before = call =>
        {
            if (call == "load cart" && waits)
            {
                waits = false;
                loading.TrySetResult();
                return gate.Task;
            }

            return Task.CompletedTask;
        };
        Assert.That(await browser.PostAsync("/race"), Is.EqualTo("none"));
        Assert.That(await browser.GetAsync("/get/cart/item"), Is.EqualTo(signsIn ? "of bob" : "none"));
    }

    [TestCase(true)]
    [TestCase(false)]
    public async Task Discarded_workflow_shows_nothing_of_the_session_before(bool signsIn)
    {
        await using Application application = await Application.StartAsync(
            _store,
            app =>
            {
                app.MapPost(
                    "/discard",
                    async (IWorkflowSessions sessions) =>
                    {
                        WorkflowSession cart = await sessions.OpenAsync("cart");
                        sessions.DiscardChanges();
                        await (signsIn ? sessions.RegenerateIdAsync("bob") : sessions.EndSessionAsync());
                        Assert.That(() => cart.Get<string>("item"), Throws.InstanceOf<ObjectDisposedException>());
                        return (await sessions.OpenAsync("cart")).Get("item", "none");
                    }
                );
            }
        );
        using Browser browser = application.Browser();
        await browser.PostAsync("/set/cart/item/of-ada");
        await browser.PostAsync("/sign-in/ada");
        Assert.That(await browser.PostAsync("/discard"), Is.EqualTo("none"));
    }

    [Test]
    public async Task Sign_out_with_an_old_cookie_is_refused_because_the_session_lives_on()
    {
        await using Application application = await Application.StartAsync(_store);
        using Browser browser = application.Browser();
        await browser.PostAsync("/set/cart/item/book");
        using Browser late = application.Browser();
        late.Cookie = browser.Cookie;
        await browser.PostAsync("/sign-in");
        using HttpResponseMessage response = await late.SendAsync(HttpMethod.Post, "/sign-out");
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.Conflict));
        Assert.That(await response.Content.ReadAsStringAsync(), Does.Contain("StaleSession"));
        Assert.That(Browser.SetCookieOf(response), Is.Null, "the browser may have the new cookie already");
        Assert.That(await browser.GetAsync("/get/cart/item"), Is.EqualTo("book"));
    }

    [Test]
    public async Task Sign_in_of_another_user_in_UpdateAsync_throws_and_changes_nothing()
    {
        await using Application application = await Application.StartAsync(
            _store,
            app =>
            {
                app.MapPost(
                    "/update",
                    async (IWorkflowSessions sessions) =>
                    {
                        WorkflowSession cart = await sessions.OpenAsync("cart");
                        Assert.That(
                            async () => await cart.UpdateAsync(async (_, ct) => await sessions.RegenerateIdAsync("bob", ct)),
                            Throws.InvalidOperationException.With.Message.Contains("UpdateAsync")
                        );
                    }
                );
            }
        );
        using Browser browser = application.Browser();
        await browser.PostAsync("/set/cart/item/book");
        await browser.PostAsync("/sign-in/ada");
        using HttpResponseMessage response = await browser.SendAsync(HttpMethod.Post, "/update");
        Assert.That(Browser.SetCookieOf(response), Is.Null);
        Assert.That(await browser.GetAsync("/get/cart/item"), Is.EqualTo("book"));
    }

    [Test]
    public async Task User_never_gets_the_session_of_the_user_before()
    {
        await using Application application = await Application.StartAsync(_store);
        using Browser browser = application.Browser();
        await browser.PostAsync("/set/cart/item/book");
        await browser.PostAsync("/sign-in/bob");
        string bob = browser.Cookie!;
        Assert.That(await browser.PostAsync("/sign-in/ada"), Is.Empty);
        Assert.That(await browser.GetAsync("/get/cart/item"), Is.EqualTo("none"));
        await browser.PostAsync("/set/cart/item/pen");
        Assert.That(browser.Cookie![..21], Is.Not.EqualTo(bob[..21]));
        browser.Cookie = bob;
        Assert.That(await browser.GetAsync("/get/cart/item"), Is.EqualTo("none"), "it ended");
    }

    [Test]
    public async Task Session_that_begins_after_a_sign_out_belongs_to_nobody()
    {
        await using Application application = await Application.StartAsync(
            _store,
            app =>
                app.MapPost(
                    "/in-and-out",
                    async (IWorkflowSessions sessions) =>
                    {
                        await sessions.RegenerateIdAsync("ada");
                        await sessions.EndSessionAsync();
                        (await sessions.OpenAsync("cart")).Set("item", "book");
                    }
                )
        );
        using Browser browser = application.Browser();
        Assert.That(await browser.PostAsync("/in-and-out"), Is.Empty);
        Assert.That(await browser.PostAsync("/sign-in/bob"), Is.Empty);
        Assert.That(await browser.GetAsync("/get/cart/item"), Is.EqualTo("book"), "what nobody had filled is his now");
    }

    [TestCase("set, regenerate")]
    [TestCase("open, regenerate, set")]
    public async Task Sign_in_with_a_replaced_cookie_stores_what_it_sets(string order)
    {
        await using Application application = await Application.StartAsync(
            _store,
            app =>
                app.MapPost(
                    "/enter",
                    async (IWorkflowSessions sessions) =>
                    {
                        WorkflowSession account = await sessions.OpenAsync("account");
                        if (order == "set, regenerate")
                        {
                            account.Set("name", "ada");
                        }

                        await sessions.RegenerateIdAsync();
                        account.Set("name", "ada");
                        return "saved";
                    }
                )
        );
        using Browser browser = application.Browser();
        await browser.PostAsync("/set/checkout/step/1");
        using Browser late = application.Browser();
        late.Cookie = browser.Cookie;
        await browser.PostAsync("/sign-in");
        Assert.That(await late.PostAsync("/enter"), Is.EqualTo("saved"));
        Assert.That(await late.GetAsync("/get/account/name"), Is.EqualTo("ada"));
        Assert.That(await late.GetAsync("/get/checkout/step"), Is.EqualTo("none"));
    }

    [Test]
    public async Task First_valid_cookie_of_several_wins()
    {
        await using Application application = await Application.StartAsync(_store);
        using Browser browser = application.Browser();
        await browser.PostAsync("/set/checkout/step/1");
        string stale = browser.Cookie!;
        await browser.PostAsync("/sign-in");
        string valid = browser.Cookie!;
        string[] others = ["garbage", stale, new string('A', 64)];
        foreach (string[] cookies in new string[][] { [valid, .. others], [.. others, valid] })
        {
            browser.Cookie = string.Join($"; {Browser.CookieName}=", cookies);
            Assert.That(await browser.GetAsync("/get/checkout/step"), Is.EqualTo("1"));
            Assert.That(await browser.PostAsync("/set/checkout/step/1"), Is.EqualTo("saved"));
        }
    }

    [Test]
    public async Task Workflow_does_not_begin_in_a_session_that_ended_meanwhile()
    {
        TaskCompletionSource opened = new(TaskCreationOptions.RunContinuationsAsynchronously);
        TaskCompletionSource ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
        await using Application application = await Application.StartAsync(
            _store,
            app =>
                app.MapPost(
                    "/begin",
                    async (IWorkflowSessions sessions) =>
                    {
                        (await sessions.OpenAsync("new")).Set("x", "1");
                        opened.SetResult();
                        await ended.Task;
                        return "saved";
                    }
                )
        );
        using Browser browser = application.Browser();
        await browser.PostAsync("/set/checkout/step/1");
        using Browser other = application.Browser();
        other.Cookie = browser.Cookie;
        string root = _store.Sessions.Last();
        Task<string> beginning = browser.PostAsync("/begin");
        await opened.Task;
        await other.PostAsync("/sign-out");
        ended.SetResult();
        Assert.That(await beginning, Is.EqualTo("409"));
        Assert.That(await _store.Open(root).ListAsync(), Is.Empty, "nothing is left of it");
    }

    [Test]
    public async Task Visitor_can_not_have_more_workflows_than_allowed_over_many_requests()
    {
        _store.Options.MaxWorkflows = 3;
        await using Application application = await Application.StartAsync(_store);
        using Browser browser = application.Browser();
        for (int i = 0; i < 3; i++)
        {
            Assert.That(await browser.PostAsync($"/set/w{i}/x/1"), Is.EqualTo("saved"));
        }

        Assert.That(async () => await browser.PostAsync("/set/w3/x/1"), Throws.InstanceOf<WorkflowLimitException>());
        Assert.That(await browser.GetAsync("/list"), Is.EqualTo("w0 w1 w2"));
    }

    [Test]
    public async Task Stale_or_made_up_secret_does_not_renew_the_idle_time()
    {
        await using Application application = await Application.StartAsync(_store);
        using Browser browser = application.Browser();
        await browser.PostAsync("/set/checkout/step/1");
        using Browser thief = application.Browser();
        thief.Cookie = browser.Cookie;
        await browser.PostAsync("/sign-in");
        int renewals = _store.Renewals.Count;
        await thief.GetAsync("/get/checkout/step");
        Assert.That(_store.Renewals, Has.Count.EqualTo(renewals));
        await browser.GetAsync("/get/checkout/step");
        Assert.That(_store.Renewals.Skip(renewals), Is.EquivalentTo(new[] { "$session", "checkout" }));
    }

    [Test]
    public void Every_type_of_service_collection_gets_the_web_registration()
    {
        ServiceCollection services = new();
        services.AddWorkflowSessions().AddInMemoryStore();
        Assert.That(services.Any(service => service.ServiceType == typeof(IWorkflowSessions)), Is.True);
    }

    [TestCase("text")]
    [TestCase("redirect")]
    public async Task Error_page_behind_the_drop_in_is_all_that_the_client_gets(string kind)
    {
        await using SessionApplication application = await SessionApplication.StartAsync(
            SessionApplication.Ours,
            _store,
            new CacheOfTest(),
            app =>
            {
                app.UseExceptionHandler(handler => handler.Run(context => context.Response.WriteAsync("sorry")));
                app.MapPost(
                    "/fails",
                    async (HttpContext context) =>
                    {
                        context.Session.SetString("x", "1");
                        if (kind == "redirect")
                        {
                            context.Response.Redirect("/");
                        }
                        else
                        {
                            await context.Response.WriteAsync("{\"saved\":true}");
                        }
                    }
                );
            }
        );
        using Browser browser = application.Browser();
        _store.Before = _ => Task.FromException(new SessionStoreException("The store is down.", "$http", mayBeStored: false));
        using HttpResponseMessage response = await browser.SendAsync(HttpMethod.Post, "/fails");
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.ServiceUnavailable));
        Assert.That(await response.Content.ReadAsStringAsync(), Is.EqualTo("sorry"));
    }

    [Test]
    public async Task Headers_of_callbacks_are_on_the_error_page_behind_the_drop_in()
    {
        await using SessionApplication application = await SessionApplication.StartAsync(
            SessionApplication.Ours,
            _store,
            new CacheOfTest(),
            app =>
            {
                app.UseExceptionHandler(handler => handler.Run(context => context.Response.WriteAsync("sorry")));
                app.MapPost(
                    "/fails",
                    async (HttpContext context) =>
                    {
                        context.Response.OnStarting(() =>
                        {
                            context.Response.Headers.ContentSecurityPolicy = "default-src 'self'";
                            return Task.CompletedTask;
                        });
                        context.Session.SetString("x", "1");
                        await context.Response.WriteAsync("saved");
                    }
                );
            }
        );
        using Browser browser = application.Browser();
        _store.Before = _ => Task.FromException(new SessionStoreException("The store is down.", "$http", mayBeStored: false));
        using HttpResponseMessage response = await browser.SendAsync(HttpMethod.Post, "/fails");
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.ServiceUnavailable));
        Assert.That(response.Headers.GetValues("Content-Security-Policy"), Is.EqualTo(new[] { "default-src 'self'" }));
    }

    [Test]
    public async Task Change_after_a_complete_response_is_refused()
    {
        await using Application application = await Application.StartAsync(
            _store,
            app =>
                app.MapPost(
                    "/complete",
                    async (IWorkflowSessions sessions, HttpContext context) =>
                    {
                        WorkflowSession workflow = await sessions.OpenAsync("checkout");
                        workflow.Set("step", "1");
                        context.Response.ContentLength = 5;
                        await context.Response.WriteAsync("saved");
                        Assert.That(() => workflow.Set("step", "2"), Throws.InvalidOperationException.With.Message.Contains("complete"));
                    }
                )
        );
        using Browser browser = application.Browser();
        Assert.That(await browser.PostAsync("/complete"), Is.EqualTo("saved"));
        Assert.That(await browser.GetAsync("/get/checkout/step"), Is.EqualTo("1"));
    }

    [Test]
    public async Task BeginWrite_on_the_response_works()
    {
        await using Application application = await Application.StartAsync(
            _store,
            app =>
                app.MapPost(
                    "/apm",
                    async (IWorkflowSessions sessions, HttpContext context) =>
                    {
                        (await sessions.OpenAsync("checkout")).Set("step", "1");
                        Stream body = context.Response.Body;
                        await Task.Factory.FromAsync(body.BeginWrite, body.EndWrite, "saved"u8.ToArray(), 0, 5, state: null);
                    }
                )
        );
        using Browser browser = application.Browser();
        Assert.That(await browser.PostAsync("/apm"), Is.EqualTo("saved"));
    }

    private static async Task<string> ReasonAsync(Func<Task> call)
    {
        try
        {
            await call();
            return "read";
        }
        catch (WorkflowConflictException refusal)
        {
            return refusal.Reason.ToString();
        }
    }

    private static async Task UntilOverAsync(IWorkflowSessions sessions)
    {
        using CancellationTokenSource limit = new(TimeSpan.FromMinutes(1));
        while (true)
        {
            try
            {
                await sessions.CommitAsync(limit.Token);
                await Task.Delay(1, limit.Token);
            }
            catch (ObjectDisposedException)
            {
                return;
            }
        }
    }
}
