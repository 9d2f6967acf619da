using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace WorkflowSessions.AspNetCore.Tests;

/// <summary>An application on Kestrel whose one endpoint changes the session and answers in a given way, behind a given kind of error page.</summary>
internal sealed class ResponseMatrixApplication : IAsyncDisposable
{
    /// <summary>In every body that the handler writes.</summary>
    public const string HandlerMarker = "HANDLER";

    /// <summary>In every body that the application's error page writes.</summary>
    public const string PageMarker = "PAGE";

    public const string FrontCallbackHeader = "X-Front-Callback";
    public const string FrontHeader = "X-Front";
    public const string HandlerCallbackHeader = "X-Handler-Callback";

    private readonly WebApplication _application;
    private readonly StoreOfTest _store;
    private readonly bool _isDropIn;
    private TaskCompletionSource _finished = New();
    private TaskCompletionSource _waiting = New();
    private string _fault = "none";

    private ResponseMatrixApplication(WebApplication application, StoreOfTest store, bool isDropIn)
    {
        _application = application;
        _store = store;
        _isDropIn = isDropIn;
    }

    public static string[] Answers { get; } = ["text", "JSON", "redirect", "204", "stream", "SSE", "late change"];

    public static string[] Pages { get; } = ["none", "handler", "problem details", "status code pages", "developer"];

    public static string[] Faults { get; } = ["none", "commit", "load", "client", "time-out", "exception"];

    /// <summary>The request has ended in all of the pipeline.</summary>
    public Task Finished => _finished.Task.WaitAsync(TimeSpan.FromSeconds(30));

    /// <summary>The handler waits for its client to disconnect.</summary>
    public Task Waiting => _waiting.Task.WaitAsync(TimeSpan.FromSeconds(30));

    /// <summary>What the handler threw in the last request, before anything caught it.</summary>
    public Exception? Thrown { get; private set; }

    private string First => _isDropIn ? "$http" : "checkout";

    public static async Task<ResponseMatrixApplication> StartAsync(string page, bool isDropIn)
    {
        StoreOfTest store = new();
        WebApplicationBuilder builder = WebApplication.CreateBuilder(new WebApplicationOptions { EnvironmentName = "Production" });
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        Ending ending = new();
        builder.Services.AddSingleton<IStartupFilter>(ending);
        builder.Services.AddRequestTimeouts();
        IWorkflowSessionsBuilder sessions = builder.Services.AddWorkflowSessions().AddStore<InMemorySessionStoreOptions>((_, _) => store);
        if (isDropIn)
        {
            sessions.AddHttpContextSession();
        }

        if (page == "problem details")
        {
            builder.Services.AddProblemDetails(options =>
                options.CustomizeProblemDetails = context => context.ProblemDetails.Extensions["marker"] = PageMarker
            );
        }

        WebApplication app = builder.Build();
        ResponseMatrixApplication application = new(app, store, isDropIn);
        ending.Ended = () => application._finished.TrySetResult();
        app.Use(
            (context, next) =>
            {
                context.Response.Headers[FrontHeader] = "1";
                context.Response.OnStarting(() =>
                {
                    context.Response.Headers[FrontCallbackHeader] = "1";
                    return Task.CompletedTask;
                });
                return next(context);
            }
        );
        UsePage(app, page);
        if (!isDropIn)
        {
            app.UseWorkflowSessions();
        }

        app.UseRouting();
        app.UseRequestTimeouts();
        app.MapPost("/begin", application.BeginAsync);
        app.Map("/page", () => PageMarker);
        app.MapGet("/read", (Delegate)application.ReadAsync);
        foreach (string answer in Answers)
        {
            app.MapPost($"/{Path(answer)}", context => application.AnswerAsync(context, answer))
                .WithRequestTimeout(TimeSpan.FromMinutes(1));
            app.MapPost($"/{Path(answer)}/timed", context => application.AnswerAsync(context, answer))
                .WithRequestTimeout(TimeSpan.FromMilliseconds(200));
        }

        await app.StartAsync();
        return application;
    }

    public static string Path(string answer) => answer.Replace(' ', '-');

    public HttpClient Client() =>
        new(new SocketsHttpHandler { UseCookies = false, AllowAutoRedirect = false }) { BaseAddress = new Uri(_application.Urls.First()) };

    /// <summary>Says how the next request fails; "none" repairs the store.</summary>
    public void Break(string fault, string answer)
    {
        _fault = fault;
        _finished = New();
        _waiting = New();
        Thrown = null;
        string workflow = answer == "late change" ? "late" : First;
        _store.Before = call =>
            (fault == "commit" && call == $"commit {workflow}") || (fault == "load" && call == $"load {workflow}")
                ? Task.FromException(new SessionStoreException("The store is down.", workflow, mayBeStored: false))
                : Task.CompletedTask;
    }

    public async ValueTask DisposeAsync() => await _application.DisposeAsync();

    private static TaskCompletionSource New() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private static void UsePage(WebApplication app, string page)
    {
        switch (page)
        {
            case "handler":
                app.UseExceptionHandler(handler => handler.Run(context => context.Response.WriteAsync(PageMarker)));
                break;
            case "problem details":
                app.UseExceptionHandler();
                break;
            case "status code pages":
                app.UseStatusCodePages(context => context.HttpContext.Response.WriteAsync(PageMarker));
                app.UseStatusCodePagesWithReExecute("/page");
                break;
            case "developer":
                app.UseDeveloperExceptionPage();
                break;
        }
    }

    private static async IAsyncEnumerable<SseItem<string>> EventsAsync(
        [EnumeratorCancellation] CancellationToken cancellationToken = default
    )
    {
        for (int i = 0; i < 3; i++)
        {
            await Task.Yield();
            cancellationToken.ThrowIfCancellationRequested();
            yield return new SseItem<string>(HandlerMarker);
        }
    }

    private async Task BeginAsync(HttpContext context)
    {
        await SetAsync(context, First, "1");
        await SetAsync(context, "late", "1");
    }

    private async Task<string> ReadAsync(HttpContext context)
    {
        IWorkflowSessions sessions = context.RequestServices.GetRequiredService<IWorkflowSessions>();
        string first;
        if (_isDropIn)
        {
            first = $"{context.Session.GetString("a")}{context.Session.GetString("b")}";
        }
        else
        {
            WorkflowSession workflow = await sessions.OpenAsync(First);
            first = $"{workflow.Get("a", "")}{workflow.Get("b", "")}";
        }

        WorkflowSession late = await sessions.OpenAsync("late");
        return $"{first} {late.Get("a", "")}{late.Get("b", "")}";
    }

    private static async Task SetAsync(HttpContext context, string workflowId, string value)
    {
        if (workflowId == "$http")
        {
            context.Session.SetString("a", value);
            context.Session.SetString("b", value);
            return;
        }

        WorkflowSession workflow = await context.RequestServices.GetRequiredService<IWorkflowSessions>().OpenAsync(workflowId);
        workflow.Set("a", value);
        workflow.Set("b", value);
    }

    private async Task AnswerAsync(HttpContext context, string answer)
    {
        try
        {
            context.Response.OnStarting(() =>
            {
                context.Response.Headers[HandlerCallbackHeader] = "1";
                return Task.CompletedTask;
            });
            await SetAsync(context, First, "2");
            if (answer == "late change")
            {
                await context.Response.WriteAsync(HandlerMarker);
                await context.Response.Body.FlushAsync();
                await SetAsync(context, "late", "2");
            }

            await FailAsync(context);
            await WriteAsync(context, answer);
        }
        catch (Exception error)
        {
            Thrown = error;
            throw;
        }
    }

    private async Task FailAsync(HttpContext context)
    {
        switch (_fault)
        {
            case "exception":
                throw new InvalidOperationException("bad luck");
            case "time-out":
                await Task.Delay(Timeout.Infinite, context.RequestAborted);
                break;
            case "client":
                TaskCompletionSource gone = New();
                await using (context.RequestAborted.Register(() => gone.SetResult()))
                {
                    _waiting.SetResult();
                    await gone.Task;
                }

                break;
        }
    }

    private static async Task WriteAsync(HttpContext context, string answer)
    {
        switch (answer)
        {
            case "JSON":
                await context.Response.WriteAsJsonAsync(new { Text = HandlerMarker });
                break;
            case "redirect":
                await Results.Redirect("/elsewhere").ExecuteAsync(context);
                break;
            case "204":
                await Results.NoContent().ExecuteAsync(context);
                break;
            case "stream":
                for (int i = 0; i < 3; i++)
                {
                    await context.Response.WriteAsync(HandlerMarker);
                    await context.Response.Body.FlushAsync();
                }

                break;
            case "SSE":
                await TypedResults.ServerSentEvents(EventsAsync(context.RequestAborted)).ExecuteAsync(context);
                break;
            default:
                await context.Response.WriteAsync(HandlerMarker);
                break;
        }
    }

    /// <summary>Stands in front of everything, also of the drop-in, and tells when a request is over.</summary>
    private sealed class Ending : IStartupFilter
    {
        public Action Ended { get; set; } = () => { };

        public Action<IApplicationBuilder> Configure(Action<IApplicationBuilder> next) =>
            app =>
            {
                app.Use(
                    async (context, rest) =>
                    {
                        try
                        {
                            await rest(context);
                        }
                        finally
                        {
                            Ended();
                        }
                    }
                );
                next(app);
            };
    }
}
