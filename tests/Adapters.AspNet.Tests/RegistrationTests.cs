using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.TestHost;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;

namespace WorkflowSessions.AspNetCore.Tests;

/// <summary>How an application takes the library up, and what it is told when it does so wrongly.</summary>
public sealed class RegistrationTests
{
    private readonly StoreOfTest _store = new();

    [Test]
    public async Task Middleware_that_is_missing_is_named()
    {
        WebApplicationBuilder builder = Builder();
        builder.Services.AddWorkflowSessions().AddInMemoryStore();
        await using WebApplication application = builder.Build();
        application.MapGet("/", async (IWorkflowSessions sessions) => (await sessions.OpenAsync("checkout")).Id);
        await application.StartAsync();
        InvalidOperationException? error = await Assert.ThrowsAsync<InvalidOperationException>(async () =>
            await application.GetTestClient().GetAsync(new Uri("/", UriKind.Relative))
        );
        Assert.That(error!.Message, Does.Contain("app.UseWorkflowSessions()").And.Contain("ISessionStoreFactory"));
    }

    [Test]
    public async Task Middleware_behind_the_endpoints_is_named()
    {
        WebApplicationBuilder builder = Builder();
        builder.Services.AddWorkflowSessions().AddInMemoryStore();
        await using WebApplication application = builder.Build();
        application.UseRouting();
#pragma warning disable ASP0014 // It is what is tested.
        application.UseEndpoints(endpoints =>
            endpoints.MapGet("/", async (IWorkflowSessions sessions) => (await sessions.OpenAsync("checkout")).Id)
        );
#pragma warning restore ASP0014
        application.UseWorkflowSessions();
        await application.StartAsync();
        InvalidOperationException? error = await Assert.ThrowsAsync<InvalidOperationException>(async () =>
            await application.GetTestClient().GetAsync(new Uri("/", UriKind.Relative))
        );
        Assert.That(error!.Message, Does.Contain("before UseEndpoints()"));
    }

    [Test]
    public async Task Middleware_twice_is_refused_also_in_a_branch()
    {
        WebApplicationBuilder builder = Builder();
        builder.Services.AddWorkflowSessions().AddInMemoryStore();
        await using WebApplication application = builder.Build();
        application.UseWorkflowSessions();
        Assert.That(() => application.UseWorkflowSessions(), Throws.InvalidOperationException.With.Message.Contains("called twice"));
        Assert.That(
            () => application.Map("/branch", branch => branch.UseWorkflowSessions()),
            Throws.InvalidOperationException.With.Message.Contains("called twice")
        );
    }

    [Test]
    public async Task Middleware_without_services_is_refused()
    {
        await using WebApplication application = Builder().Build();
        Assert.That(
            () => application.UseWorkflowSessions(),
            Throws.InvalidOperationException.With.Message.Contains("AddWorkflowSessions()").And.Message.Contains(".AddInMemoryStore()")
        );
    }

    [Test]
    public async Task Application_without_a_store_does_not_start()
    {
        WebApplicationBuilder builder = Builder();
        builder.Services.AddWorkflowSessions();
        await using WebApplication application = builder.Build();
        Assert.That(
            async () => await application.StartAsync(),
            Throws.InstanceOf<OptionsValidationException>().With.Message.Contains("no store").And.Message.Contains("AddRedisStore")
        );
    }

    [Test]
    public async Task Endpoint_without_a_session_answers_at_once_while_Redis_is_out_of_reach()
    {
        using TcpListener silent = new(IPAddress.Loopback, 0);
        silent.Start();
        WebApplicationBuilder builder = Builder();
        builder.Services.AddWorkflowSessions().AddRedisStore($"{silent.LocalEndpoint},connectTimeout=20000");
        await using WebApplication application = builder.Build();
        application.UseWorkflowSessions();
        application.MapGet("/", (ISessionStoreFactory stores) => stores.Open("alice").Capabilities.Listing);
        long begun = Stopwatch.GetTimestamp();
        await application.StartAsync();
        Assert.That(await application.GetTestClient().GetStringAsync(new Uri("/", UriKind.Relative)), Is.EqualTo("true"));
        Assert.That(Stopwatch.GetElapsedTime(begun), Is.LessThan(TimeSpan.FromSeconds(5)));
    }

    [TestCase("Development", "http", false)]
    [TestCase("Development", "https", true)]
    [TestCase("Production", "http", true)]
    public async Task Cookie_is_secure_but_for_plain_http_to_this_machine_in_development(string environment, string scheme, bool secure)
    {
        await using Application application = await Application.StartAsync(_store, environment: environment);
        using Browser browser = application.Browser(scheme);
        using HttpResponseMessage response = await browser.SendAsync(HttpMethod.Post, "/set/checkout/step/1");
        string name = secure ? Browser.CookieName : Browser.PlainCookieName;
        Assert.That(Browser.SetCookieOf(response, name)!.Contains("; secure", StringComparison.Ordinal), Is.EqualTo(secure));
    }

    [Test]
    public async Task Cookie_is_that_of_the_options()
    {
        await using Application application = await Application.StartAsync(
            _store,
            configure: builder =>
                builder.Services.Configure<WorkflowSessionsOptions>(options =>
                {
                    options.Cookie.MaxAge = TimeSpan.FromDays(7);
                    options.Cookie.SameSite = SameSiteMode.Strict;
                    options.Cookie.Path = "/shop";
                })
        );
        using Browser browser = application.Browser();
        using HttpResponseMessage response = await browser.SendAsync(HttpMethod.Post, "/set/checkout/step/1");
        string? cookie = Browser.SetCookieOf(response, Browser.PlainCookieName);
        Assert.That(cookie, Does.Contain("max-age=604800").And.Contain("path=/shop").And.Contain("samesite=strict"));
    }

    [TestCase(true)]
    [TestCase(false)]
    public async Task Cookie_needs_consent_only_when_it_is_not_essential(bool essential)
    {
        await using Application application = await Application.StartAsync(
            _store,
            configure: builder => builder.Services.Configure<WorkflowSessionsOptions>(options => options.Cookie.IsEssential = essential),
            before: app => app.UseCookiePolicy(new CookiePolicyOptions { CheckConsentNeeded = _ => true })
        );
        using Browser browser = application.Browser();
        await browser.PostAsync("/set/checkout/step/1");
        Assert.That(browser.Cookie is not null, Is.EqualTo(essential));
    }

    [Test]
    public async Task Workflows_expire_by_the_clock_of_the_host_and_the_session_outlasts_them()
    {
        FakeTimeProvider clock = new();
        WebApplicationBuilder builder = Builder();
        builder.Services.AddSingleton<TimeProvider>(clock);
        builder
            .Services.AddWorkflowSessions()
            .AddInMemoryStore(options => options.Workflow("wizard", workflow => workflow.IdleTimeout = TimeSpan.FromMinutes(5)));
        await using WebApplication application = builder.Build();
        application.UseWorkflowSessions();
        application.MapPost("/set/{id}", async (string id, IWorkflowSessions sessions) => (await sessions.OpenAsync(id)).Set("x", 1));
        application.MapGet("/get/{id}", async (string id, IWorkflowSessions sessions) => (await sessions.OpenAsync(id)).Has("x"));
        await application.StartAsync();
        using Browser browser = new(application.GetTestServer().CreateHandler(), new Uri("https://localhost"));
        await browser.PostAsync("/set/wizard");
        await browser.PostAsync("/set/checkout");
        string cookie = browser.Cookie!;
        clock.Advance(TimeSpan.FromMinutes(6));
        Assert.That(await browser.GetAsync("/get/wizard"), Is.EqualTo("false"));
        Assert.That(await browser.GetAsync("/get/checkout"), Is.EqualTo("true"));
        clock.Advance(TimeSpan.FromMinutes(21));
        Assert.That(await browser.GetAsync("/get/checkout"), Is.EqualTo("false"));
        await browser.PostAsync("/set/checkout");
        Assert.That(browser.Cookie, Is.EqualTo(cookie), "the session is the same");
        clock.Advance(TimeSpan.FromMinutes(41));
        await browser.PostAsync("/set/checkout");
        Assert.That(browser.Cookie, Is.Not.EqualTo(cookie), "the session had expired");
    }

    [Test]
    public async Task Controllers_get_their_workflows_too()
    {
        await using Application application = await Application.StartAsync(
            _store,
            app => app.MapControllers(),
            builder => builder.Services.AddControllers().AddApplicationPart(typeof(StepController).Assembly)
        );
        using Browser browser = application.Browser();
        Assert.That(await browser.PostAsync("/step/4"), Is.EqualTo("4"));
        Assert.That(await browser.GetAsync("/get/checkout/step"), Is.EqualTo("4"));
    }

    [Test]
    public async Task Health_check_writes_and_reads()
    {
        await using Application application = await Application.StartAsync(
            _store,
            configure: builder => builder.Services.AddHealthChecks().AddWorkflowSessions()
        );
        HealthCheckService health = application.Services.GetRequiredService<HealthCheckService>();
        HealthReport report = await health.CheckHealthAsync();
        Assert.That(report.Status, Is.EqualTo(HealthStatus.Healthy));
        Assert.That(_store.Calls, Is.EqualTo(new[] { "load health", "commit health", "load health", "commit health" }));
        _store.Before = call => call == "commit health" ? Task.FromException(new IOException("down")) : Task.CompletedTask;
        report = await health.CheckHealthAsync();
        Assert.That(report.Status, Is.EqualTo(HealthStatus.Unhealthy));
        Assert.That(report.Entries["workflowsessions"].Description, Does.Contain("could not be committed"));
        Assert.That(report.Entries["workflowsessions"].Description, Does.Not.Contain(_store.Sessions.Last()));
    }

    [Test]
    public async Task Loads_and_commits_are_activities_of_the_request()
    {
        List<Activity> ended = [];
        using ActivityListener listener = new()
        {
            ShouldListenTo = source => source.Name is "Microsoft.AspNetCore" or WorkflowSessionsDiagnostics.ActivitySourceName,
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllData,
            ActivityStopped = activity =>
            {
                lock (ended)
                {
                    ended.Add(activity);
                }
            },
        };
        ActivitySource.AddActivityListener(listener);
        // Over a connection, because a test server passes no trace on.
        await using Application application = await Application.StartAsync(_store, kestrel: true);
        using Browser browser = application.Browser();
        using Activity test = new("this test");
        test.SetIdFormat(ActivityIdFormat.W3C).Start();
        await browser.PostAsync("/set/checkout/step/1");
        await browser.GetAsync("/get/checkout/step");
        await application.DisposeAsync();
        Activity[] mine;
        lock (ended)
        {
            mine = [.. ended.Where(activity => activity.TraceId == test.TraceId)];
        }

        ActivitySpanId[] requests =
        [
            .. mine.Where(activity => activity.Source.Name == "Microsoft.AspNetCore").Select(activity => activity.SpanId),
        ];
        Activity[] stored = [.. mine.Where(activity => activity.Source.Name == WorkflowSessionsDiagnostics.ActivitySourceName)];
        Assert.That(requests, Has.Length.EqualTo(2));
        Assert.That(stored, Has.Length.EqualTo(4));
        Assert.That(stored.Select(activity => activity.ParentSpanId).Distinct(), Is.EquivalentTo(requests));
    }

    [Test]
    public async Task Outside_a_request_the_factory_opens_a_session_by_its_id()
    {
        await using Application application = await Application.StartAsync(_store);
        ISessionStoreFactory sessions = application.Services.GetRequiredService<ISessionStoreFactory>();
        WorkflowSession import = new(sessions.Open("nightly-import"), "import");
        await import.UpdateAsync(w => w.Set("rows", w.Get("rows", 0) + 1));
        Assert.That(import.Get<int>("rows"), Is.EqualTo(1));
    }

    private static WebApplicationBuilder Builder()
    {
        WebApplicationBuilder builder = WebApplication.CreateBuilder();
        builder.WebHost.UseTestServer();
        builder.Logging.ClearProviders();
        return builder;
    }
}
