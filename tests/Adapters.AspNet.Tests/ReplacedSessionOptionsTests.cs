using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.TestHost;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;
using WorkflowSessions.Contracts;

namespace WorkflowSessions.AspNetCore.Tests;

/// <summary>An application that moves to <c>AddHttpContextSession()</c> with its <see cref="SessionOptions"/> still there.</summary>
public sealed class ReplacedSessionOptionsTests
{
    private readonly LogOfTest _log = new();
    private readonly FakeTimeProvider _clock = new();

    [Test]
    public async Task Settings_that_are_ignored_are_named_at_start()
    {
        await using WebApplication application = await StartAsync(services =>
            services.AddSession(options =>
            {
                options.Cookie.Name = "a-name-of-the-application";
                options.Cookie.SecurePolicy = CookieSecurePolicy.Always;
                options.IOTimeout = TimeSpan.FromSeconds(3);
            })
        );
        string warning = Warnings().Single();
        Assert.That(warning, Does.StartWith("14 ").And.Contain("ignores Cookie.Name, Cookie.SecurePolicy, IOTimeout."));
        Assert.That(warning, Does.Not.Contain("a-name-of-the-application"));
    }

    [Test]
    public async Task Application_without_settings_is_not_warned()
    {
        await using WebApplication application = await StartAsync(services => services.AddSession(_ => { }));
        Assert.That(Warnings(), Is.Empty);
        Assert.That(Timeouts(application), Is.EqualTo((20, 20)));
    }

    [TestCase(5)]
    [TestCase(20)]
    [TestCase(60)]
    public async Task Idle_timeout_is_taken_over_for_the_session_alone(int minutes)
    {
        await using WebApplication application = await StartAsync(
            services => services.Configure<SessionOptions>(options => options.IdleTimeout = TimeSpan.FromMinutes(minutes)),
            store => store.IdleTimeout = TimeSpan.FromMinutes(30)
        );
        Assert.That(Warnings().Single(), Does.StartWith("15 ").And.Contain("IdleTimeout"));
        Assert.That(Timeouts(application), Is.EqualTo((minutes, 30)));
    }

    [Test]
    public async Task Idle_timeout_that_is_not_set_is_that_of_the_store()
    {
        await using WebApplication application = await StartAsync(
            services => services.Configure<SessionOptions>(options => options.Cookie.Name = "x"),
            store => store.IdleTimeout = TimeSpan.FromMinutes(30)
        );
        Assert.That(Timeouts(application), Is.EqualTo((30, 30)));
    }

    [Test]
    public async Task Options_of_the_workflow_win()
    {
        await using WebApplication application = await StartAsync(
            services => services.AddSession(options => options.IdleTimeout = TimeSpan.FromMinutes(5)),
            store => store.Workflow("$http", http => http.IdleTimeout = TimeSpan.FromMinutes(7))
        );
        Assert.That(Timeouts(application), Is.EqualTo((7, 20)));
    }

    [Test]
    public void Idle_timeout_out_of_range_keeps_the_application_from_starting()
    {
        Assert.That(
            async () => await StartAsync(services => services.AddSession(options => options.IdleTimeout = TimeSpan.Zero)),
            Throws.InstanceOf<OptionsValidationException>().With.Message.Contains("IdleTimeout of workflow '$http'")
        );
    }

    [Test]
    public async Task Session_expires_after_the_idle_timeout_that_was_taken_over()
    {
        await using WebApplication application = await StartAsync(services =>
            services.AddSession(options => options.IdleTimeout = TimeSpan.FromMinutes(5))
        );
        using Browser browser = new(application.GetTestServer().CreateHandler(), new Uri("https://localhost"));
        await browser.PostAsync("/set");
        _clock.Advance(TimeSpan.FromMinutes(4));
        Assert.That(await browser.GetAsync("/get"), Is.EqualTo("true"));
        _clock.Advance(TimeSpan.FromMinutes(6));
        Assert.That(await browser.GetAsync("/get"), Is.EqualTo("false"));
    }

    /// <summary>The idle timeouts in minutes: of the session, and of any other workflow.</summary>
    private static (int Session, int Other) Timeouts(WebApplication application)
    {
        InMemorySessionStoreOptions options = application.Services.GetRequiredService<IOptions<InMemorySessionStoreOptions>>().Value;
        int session = 0;
        options.Workflow("$http", http => session = (int)http.IdleTimeout!.Value.TotalMinutes);
        return (session, (int)options.IdleTimeout!.Value.TotalMinutes);
    }

    private string[] Warnings() =>
        [
            .. _log.Messages.Where(message =>
                message.StartsWith("14 ", StringComparison.Ordinal) || message.StartsWith("15 ", StringComparison.Ordinal)
            ),
        ];

    private async Task<WebApplication> StartAsync(
        Action<IServiceCollection> configure,
        Action<InMemorySessionStoreOptions>? configureStore = null
    )
    {
        WebApplicationBuilder builder = WebApplication.CreateBuilder();
        builder.WebHost.UseTestServer();
        builder.Logging.ClearProviders().AddProvider(_log).AddFilter("Microsoft", LogLevel.None);
        builder.Services.AddSingleton<TimeProvider>(_clock);
        builder.Services.AddWorkflowSessions().AddHttpContextSession().AddInMemoryStore(configureStore);
        configure(builder.Services);
        // As an application calls AddSession() before or after.
        builder.Services.AddWorkflowSessions().AddHttpContextSession();
        WebApplication application = builder.Build();
        application.MapPost("/set", (HttpContext context) => context.Session.SetInt32("x", 1));
        application.MapGet("/get", (HttpContext context) => context.Session.Keys.Any());
        await application.StartAsync();
        return application;
    }
}
