using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.TestHost;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;
using StackExchange.Redis;

namespace WorkflowSessions.AspNetCore.Tests;

/// <summary>The cookie: its name, how long it stays, and what browsers would refuse.</summary>
public sealed class CookieOptionTests
{
    private readonly StoreOfTest _store = new();

    [Test]
    public async Task Cookie_with_a_maximum_age_is_sent_again_when_a_tenth_of_it_has_gone()
    {
        FakeTimeProvider clock = new();
        _store.Options.TimeProvider = clock;
        await using Application application = await Application.StartAsync(
            _store,
            configure: builder =>
                builder
                    .Services.AddSingleton<TimeProvider>(clock)
                    .Configure<WorkflowSessionsOptions>(options => options.Cookie.MaxAge = TimeSpan.FromMinutes(10))
        );
        using Browser browser = application.Browser();
        await browser.PostAsync("/set/checkout/step/1");
        clock.Advance(TimeSpan.FromSeconds(59));
        using HttpResponseMessage early = await browser.SendAsync(HttpMethod.Get, "/get/checkout/step");
        Assert.That(Browser.SetCookieOf(early), Is.Null);
        clock.Advance(TimeSpan.FromSeconds(1));
        using HttpResponseMessage due = await browser.SendAsync(HttpMethod.Get, "/get/checkout/step");
        Assert.That(Browser.SetCookieOf(due), Does.Contain("max-age=600"));
        using HttpResponseMessage next = await browser.SendAsync(HttpMethod.Get, "/get/checkout/step");
        Assert.That(Browser.SetCookieOf(next), Is.Null);
    }

    [Test]
    public async Task Secure_cookie_over_plain_http_is_logged_once_with_the_fix()
    {
        await using Application application = await Application.StartAsync(_store);
        for (int i = 0; i < 3; i++)
        {
            using Browser browser = application.Browser("http");
            await browser.PostAsync("/set/checkout/step/1");
        }

        string[] warnings = [.. application.Log.Messages.Where(message => message.StartsWith("13 The cookie", StringComparison.Ordinal))];
        Assert.That(warnings, Has.Length.EqualTo(1));
        Assert.That(warnings[0], Does.Contain("UseForwardedHeaders").And.Contain("SecurePolicy"));
    }

    [TestCase("shop.localhost")]
    [TestCase("localhost")]
    [TestCase("127.0.0.1")]
    [TestCase("[::1]")]
    public async Task This_machine_gets_a_cookie_over_plain_http_in_development(string host)
    {
        await using Application application = await Application.StartAsync(_store, environment: "Development");
        using Browser browser = new(application.Server.CreateHandler(), new Uri($"http://{host}"), Browser.PlainCookieName);
        using HttpResponseMessage response = await browser.SendAsync(HttpMethod.Post, "/set/checkout/step/1");
        Assert.That(Browser.SetCookieOf(response, Browser.PlainCookieName), Does.Not.Contain("secure"));
        Assert.That(await browser.GetAsync("/get/checkout/step"), Is.EqualTo("1"));
    }

    [TestCase("__Host-shop", SameSiteMode.Lax)]
    [TestCase("__Secure-shop", SameSiteMode.Lax)]
    [TestCase("shop", SameSiteMode.None)]
    public async Task Cookie_that_browsers_take_only_when_it_is_Secure_is_Secure_in_development_too(string name, SameSiteMode sameSite)
    {
        await using Application application = await Application.StartAsync(
            _store,
            configure: builder =>
                builder.Services.Configure<WorkflowSessionsOptions>(options =>
                {
                    options.Cookie.Name = name;
                    options.Cookie.SameSite = sameSite;
                }),
            environment: "Development"
        );
        using Browser browser = application.Browser("http");
        using HttpResponseMessage response = await browser.SendAsync(HttpMethod.Post, "/set/checkout/step/1");
        Assert.That(Browser.SetCookieOf(response, name), Does.Contain("secure"));
    }

    private static readonly TestCaseData[] Refused =
    [
        Case("a name with a blank", cookie => cookie.Name = "my shop", "Cookie.Name"),
        Case("a name with a line break", cookie => cookie.Name = "shop\r\nSet-Cookie: x", "Cookie.Name"),
        Case("__Host- with a path", cookie => (cookie.Name, cookie.Path) = ("__Host-shop", "/shop"), "Cookie.Path"),
        Case("__Host- with a domain", cookie => (cookie.Name, cookie.Domain) = ("__Host-shop", "example.com"), "Cookie.Domain"),
        Case(
            "__Secure- that is not Secure",
            cookie => (cookie.Name, cookie.SecurePolicy) = ("__Secure-shop", CookieSecurePolicy.None),
            "Cookie.SecurePolicy"
        ),
        Case(
            "SameSite=None that is not Secure",
            cookie => (cookie.SameSite, cookie.SecurePolicy) = (SameSiteMode.None, CookieSecurePolicy.None),
            "Cookie.SecurePolicy"
        ),
        Case("a path that is none", cookie => cookie.Path = "shop", "Cookie.Path"),
        Case("a path with a semicolon", cookie => cookie.Path = "/shop; Domain=example.com", "Cookie.Path"),
        Case("a domain that is none", cookie => cookie.Domain = "example com", "Cookie.Domain"),
        Case("an extension with a line break", cookie => cookie.Extensions.Add("x\r\nSet-Cookie: y"), "Cookie.Extensions"),
        Case("no maximum age", cookie => cookie.MaxAge = TimeSpan.Zero, "Cookie.MaxAge"),
        Case("an expiration", cookie => cookie.Expiration = TimeSpan.FromDays(1), "Cookie.MaxAge"),
    ];

    [TestCaseSource(nameof(Refused))]
    public void Cookie_that_browsers_would_refuse_is_refused_at_start(Action<CookieBuilder> set, string names) =>
        Assert.That(
            async () =>
                await Application.StartAsync(
                    _store,
                    configure: builder => builder.Services.Configure<WorkflowSessionsOptions>(options => set(options.Cookie))
                ),
            Throws.InstanceOf<OptionsValidationException>().With.Message.Contains(names)
        );

    [TestCase(0)]
    [TestCase(43)]
    [TestCase(64)]
    public async Task Cookie_of_blanks_is_no_cookie(int characters)
    {
        await using Application application = await Application.StartAsync(_store, kestrel: true);
        using Browser browser = application.Browser();
        foreach (char blank in " \t\n=%+")
        {
            // Quoted as well, because a server cuts blanks at the ends.
            foreach (
                string value in new[]
                {
                    new string(blank, characters).PadRight(64, 'A'),
                    $"\"{new string('A', 64 - characters)}{new string(blank, characters)}\"",
                    Uri.EscapeDataString(new string(blank, 64)),
                }
            )
            {
                browser.Cookie = blank == '\n' ? Uri.EscapeDataString(value) : value;
                Assert.That(await browser.GetAsync("/get/checkout/step"), Is.EqualTo("none"), $"'{blank}'");
            }
        }
    }

    [Test]
    public async Task Two_applications_on_one_Redis_and_one_host_do_not_share_sessions()
    {
        await using WebApplication shop = await StartOnRedisAsync("Shop");
        await using WebApplication admin = await StartOnRedisAsync("Admin");
        using Browser browser = new(shop.GetTestServer().CreateHandler(), new Uri("https://localhost"), "__Host-WorkflowSessions.Shop");
        using HttpResponseMessage response = await browser.SendAsync(HttpMethod.Post, "/set");
        Assert.That(browser.Cookie, Is.Not.Null);
        using Browser thief = new(admin.GetTestServer().CreateHandler(), new Uri("https://localhost"), "__Host-WorkflowSessions.Admin");
        thief.Cookie = browser.Cookie;
        Assert.That(await thief.GetAsync("/get"), Is.EqualTo("none"));

        // The browser keeps both cookies, because they have two names.
        thief.Also = $"__Host-WorkflowSessions.Shop={browser.Cookie}";
        thief.Cookie = null;
        await thief.PostAsync("/set");
        Assert.That(thief.Cookie, Is.Not.EqualTo(browser.Cookie));
        Assert.That(await browser.GetAsync("/get"), Is.EqualTo("Shop"));
        Assert.That(await thief.GetAsync("/get"), Is.EqualTo("Admin"));
    }

    private static async Task<WebApplication> StartOnRedisAsync(string name)
    {
        WebApplicationBuilder builder = WebApplication.CreateBuilder(new WebApplicationOptions { ApplicationName = name });
        builder.Logging.ClearProviders();
        builder.WebHost.UseTestServer();
        builder.Services.AddSingleton<IConnectionMultiplexer>(await Stores.ConnectionAsync());
        builder.Services.AddWorkflowSessions().AddRedisStore();
        WebApplication app = builder.Build();
        app.UseWorkflowSessions();
        app.MapPost("/set", async (IWorkflowSessions sessions) => (await sessions.OpenAsync("checkout")).Set("name", name));
        app.MapGet("/get", async (IWorkflowSessions sessions) => (await sessions.OpenAsync("checkout")).Get("name", "none"));
        await app.StartAsync();
        return app;
    }

    private static TestCaseData Case(string name, Action<CookieBuilder> set, string names) =>
        new TestCaseData(set, names).SetArgDisplayNames(name);
}
