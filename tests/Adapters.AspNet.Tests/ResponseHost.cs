using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.TestHost;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace WorkflowSessions.AspNetCore.Tests;

/// <summary>Runs one <see cref="ResponseProgram"/> after another on a test server, with sessions or, as the reference, without.</summary>
internal sealed class ResponseHost : IAsyncDisposable
{
    private readonly WebApplication _application;
    private RequestDelegate _run = _ => Task.CompletedTask;
    private HttpClient? _client;

    private ResponseHost(WebApplication application)
    {
        _application = application;
        application.Run(context => _run(context));
    }

    /// <summary>Starts it.</summary>
    /// <param name="store">The store of the sessions; null for the reference.</param>
    public static async Task<ResponseHost> StartAsync(ISessionStoreFactory? store)
    {
        WebApplicationBuilder builder = WebApplication.CreateBuilder(new WebApplicationOptions { EnvironmentName = "Production" });
        builder.Logging.ClearProviders();
        builder.WebHost.UseTestServer();
        builder.Services.AddResponseCompression(options =>
        {
            options.EnableForHttps = true;
            options.MimeTypes = ["text/plain", "application/json"];
        });
        if (store is not null)
        {
            builder.Services.AddWorkflowSessions().AddStore<InMemorySessionStoreOptions>((_, _) => store);
        }

        ResponseHost host = new(builder.Build());
        await host._application.StartAsync();
        host._client = host._application.GetTestServer().CreateClient();
        host._client.BaseAddress = new Uri("https://localhost");
        return host;
    }

    /// <summary>Runs a program. It has ended when this returns, also where the client had the response earlier.</summary>
    public async Task<ResponseOutcome> RunAsync(
        ResponseProgram program,
        ResponseTrace? trace = null,
        int? refusedStep = null,
        string? cookie = null
    )
    {
        RequestDelegate pipeline = new ResponsePipeline(program, trace, refusedStep).Build(_application.Services);
        using HttpRequestMessage request = new(new HttpMethod(program.Method), "/");
        if (program.Accept is not null)
        {
            request.Headers.Add("Accept", program.Accept);
        }

        if (program.AcceptsGzip)
        {
            request.Headers.Add("Accept-Encoding", "gzip");
        }

        return await SendAsync(request, cookie, pipeline);
    }

    /// <summary>Sends a request that does something with the workflow, and nothing else.</summary>
    public Task<ResponseOutcome> UseAsync(string? cookie, Action<WorkflowSession> use)
    {
        ApplicationBuilder app = new(_application.Services);
        app.UseWorkflowSessions();
        app.Run(async context =>
            use(await context.RequestServices.GetRequiredService<IWorkflowSessions>().OpenAsync(ResponsePipeline.Workflow))
        );
        return SendAsync(new HttpRequestMessage(HttpMethod.Get, "/"), cookie, app.Build());
    }

    public async ValueTask DisposeAsync()
    {
        _client?.Dispose();
        await _application.DisposeAsync();
    }

    private async Task<ResponseOutcome> SendAsync(HttpRequestMessage request, string? cookie, RequestDelegate pipeline)
    {
        TaskCompletionSource ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
        _run = async context =>
        {
            try
            {
                await pipeline(context);
            }
            finally
            {
                ended.SetResult();
            }
        };
        if (cookie is not null)
        {
            request.Headers.Add("Cookie", cookie);
        }

        ResponseOutcome outcome = await ResponseOutcome.ReceiveAsync(_client!, request);
        await ended.Task;
        return outcome;
    }
}
