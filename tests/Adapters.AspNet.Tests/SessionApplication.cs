using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.TestHost;
using Microsoft.Extensions.Caching.Distributed;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace WorkflowSessions.AspNetCore.Tests;

/// <summary>An application written for <c>HttpContext.Session</c>, on the session of the framework or on ours, and a store that fails when a test wants it.</summary>
internal sealed class SessionApplication : IAsyncDisposable
{
    public const string Original = "original";
    public const string Ours = "ours";

    private readonly WebApplication _application;
    private readonly string _cookieName;

    private SessionApplication(WebApplication application, string cookieName)
    {
        _application = application;
        _cookieName = cookieName;
    }

    public IServiceProvider Services => _application.Services;

    /// <summary>Starts it on a test server.</summary>
    /// <param name="kind">Whose session it is.</param>
    /// <param name="store">The store of ours.</param>
    /// <param name="cache">The cache of the framework's.</param>
    /// <param name="map">Adds endpoints.</param>
    /// <param name="before">Adds what comes before the session; ours is at the beginning of the pipeline without it.</param>
    /// <param name="configure">Adds services.</param>
    /// <param name="environment">The environment.</param>
    public static async Task<SessionApplication> StartAsync(
        string kind,
        ISessionStoreFactory store,
        IDistributedCache cache,
        Action<WebApplication>? map = null,
        Action<WebApplication>? before = null,
        Action<IServiceCollection>? configure = null,
        string environment = "Production"
    )
    {
        WebApplicationBuilder builder = WebApplication.CreateBuilder(new WebApplicationOptions { EnvironmentName = environment });
        builder.Logging.ClearProviders();
        builder.WebHost.UseTestServer();
        if (kind == Original)
        {
            builder.Services.AddDataProtection();
            builder.Services.AddSingleton(cache);
            builder.Services.AddSession();
        }
        else
        {
            builder.Services.AddWorkflowSessions().AddStore<InMemorySessionStoreOptions>((_, _) => store).AddHttpContextSession();
        }

        configure?.Invoke(builder.Services);
        WebApplication application = builder.Build();
        before?.Invoke(application);
        if (kind == Original)
        {
            application.UseSession();
        }
        else if (before is not null)
        {
            application.UseWorkflowSessions();
        }

        application.MapGet("/nothing", () => "ok");
        application.MapGet("/get/{key}", (string key, HttpContext context) => context.Session.GetString(key) ?? "none");
        application.MapPost(
            "/set/{key}/{value}",
            (string key, string value, HttpContext context) =>
            {
                context.Session.SetString(key, value);
                return "saved";
            }
        );
        application.MapPost("/remove/{key}", (string key, HttpContext context) => context.Session.Remove(key));
        application.MapPost("/clear", (HttpContext context) => context.Session.Clear());
        application.MapGet("/keys", (HttpContext context) => string.Join(' ', context.Session.Keys.Order(StringComparer.Ordinal)));
        application.MapGet("/id", (HttpContext context) => context.Session.Id);
        application.MapGet("/available", (HttpContext context) => context.Session.IsAvailable);
        map?.Invoke(application);
        await application.StartAsync();
        return new SessionApplication(application, kind == Original ? ".AspNetCore.Session" : Tests.Browser.CookieName);
    }

    /// <summary>A browser of its own, without a cookie yet.</summary>
    public Browser Browser() => new(_application.GetTestServer().CreateHandler(), new Uri("https://localhost"), _cookieName);

    public string? SetCookieOf(HttpResponseMessage response) => Tests.Browser.SetCookieOf(response, _cookieName);

    public async ValueTask DisposeAsync() => await _application.DisposeAsync();
}
