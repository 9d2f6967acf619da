using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.TestHost;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using WorkflowSessions.Contracts;

namespace WorkflowSessions.AspNetCore.Tests;

/// <summary>A web application in this process, with a few endpoints that use workflows, and a log that is kept.</summary>
internal sealed class Application : IAsyncDisposable
{
    private readonly WebApplication _application;

    private Application(WebApplication application, LogOfTest log)
    {
        _application = application;
        Log = log;
    }

    public LogOfTest Log { get; }

    public IServiceProvider Services => _application.Services;

    public Uri Address => new(_application.Urls.First());

    /// <summary>Starts it on a test server, or on Kestrel and a free port.</summary>
    public static async Task<Application> StartAsync(
        ISessionStoreFactory store,
        Action<WebApplication>? map = null,
        Action<WebApplicationBuilder>? configure = null,
        Action<WebApplication>? before = null,
        bool kestrel = false,
        string environment = "Production"
    )
    {
        LogOfTest log = new();
        WebApplicationBuilder builder = WebApplication.CreateBuilder(new WebApplicationOptions { EnvironmentName = environment });
        builder.Logging.ClearProviders().AddProvider(log).SetMinimumLevel(LogLevel.Trace);
        if (kestrel)
        {
            builder.WebHost.UseUrls("http://127.0.0.1:0");
        }
        else
        {
            builder.WebHost.UseTestServer();
        }

        builder.Services.AddWorkflowSessions().AddStore<InMemorySessionStoreOptions>((_, _) => store);
        configure?.Invoke(builder);
        WebApplication application = builder.Build();
        before?.Invoke(application);
        application.UseWorkflowSessions();
        MapCommon(application);
        map?.Invoke(application);
        await application.StartAsync();
        return new Application(application, log);
    }

    /// <summary>A browser of its own, without a cookie yet.</summary>
    public Browser Browser(string scheme = "https") =>
        _application.Services.GetService<Microsoft.AspNetCore.Hosting.Server.IServer>() is TestServer server
            ? new Browser(server.CreateHandler(), new Uri($"{scheme}://localhost"))
            : new Browser(new SocketsHttpHandler { UseCookies = false }, Address);

    public TestServer Server => _application.GetTestServer();

    public async ValueTask DisposeAsync() => await _application.DisposeAsync();

    private static void MapCommon(WebApplication application)
    {
        application.MapGet("/nothing", () => "ok");
        application.MapGet(
            "/get/{workflow}/{key}",
            async (string workflow, string key, IWorkflowSessions sessions, CancellationToken ct) =>
                (await sessions.OpenAsync(workflow, ct)).Get(key, "none")
        );
        application.MapPost(
            "/set/{workflow}/{key}/{value}",
            async (string workflow, string key, string value, IWorkflowSessions sessions, CancellationToken ct) =>
            {
                (await sessions.OpenAsync(workflow, ct)).Set(key, value);
                return "saved";
            }
        );
        application.MapGet(
            "/list",
            async (IWorkflowSessions sessions, CancellationToken ct) =>
                string.Join(' ', (await sessions.ListAsync(ct)).Select(workflow => workflow.Id).Order(StringComparer.Ordinal))
        );
        application.MapPost("/sign-in", async (IWorkflowSessions sessions, CancellationToken ct) => await sessions.RegenerateIdAsync(ct));
        application.MapPost(
            "/sign-in/{user}",
            async (string user, IWorkflowSessions sessions, CancellationToken ct) => await sessions.RegenerateIdAsync(user, ct)
        );
        application.MapPost("/sign-out", async (IWorkflowSessions sessions, CancellationToken ct) => await sessions.EndSessionAsync(ct));
    }
}
