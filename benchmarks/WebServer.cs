using System.Globalization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using WorkflowSessions.AspNetCore;

namespace WorkflowSessions.Benchmarks;

/// <summary>The server that is measured: the same endpoints without a session, with ASP.NET Core's, or with workflows.</summary>
internal static class WebServer
{
    private const int Entries = 5;
    private static readonly string Value = new('x', 60);

    public static async Task RunAsync(string kind, string redis)
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        if (kind == "session")
        {
            builder.Services.AddDataProtection();
            builder.Services.AddSession();
            if (redis.Length == 0)
            {
                builder.Services.AddDistributedMemoryCache();
            }
            else
            {
                builder.Services.AddStackExchangeRedisCache(options => options.Configuration = redis);
            }
        }
        else if (kind == "cache")
        {
            builder.Services.AddStackExchangeRedisCache(options => options.Configuration = redis);
            builder.Services.AddWorkflowSessions().AddDistributedCacheStore();
        }
        else if (kind == "workflows")
        {
            IWorkflowSessionsBuilder workflows = builder.Services.AddWorkflowSessions();
            _ = redis.Length == 0 ? workflows.AddInMemoryStore() : workflows.AddRedisStore(redis);
        }

        WebApplication application = builder.Build();
        switch (kind)
        {
            case "session":
                application.UseSession();
                application.MapGet("/read", (RequestDelegate)ReadSessionAsync);
                application.MapGet("/write", (RequestDelegate)WriteSessionAsync);
                application.MapGet(
                    "/set/{key}",
                    async (string key, HttpContext context) =>
                    {
                        await context.Session.LoadAsync();
                        context.Session.SetString(key, Value);
                        return "ok";
                    }
                );
                application.MapGet(
                    "/has/{key}",
                    async (string key, HttpContext context) =>
                    {
                        await context.Session.LoadAsync();
                        return $"{context.Session.Keys.Contains(key)}";
                    }
                );
                break;
            case "cache" or "workflows":
                application.UseWorkflowSessions();
                application.MapGet("/read", (RequestDelegate)ReadWorkflowAsync);
                application.MapGet("/write", (RequestDelegate)WriteWorkflowAsync);
                application.MapGet(
                    "/set/{key}",
                    async (string key, HttpContext context) =>
                    {
                        (await OpenAsync(context)).Set(key, Value);
                        return "ok";
                    }
                );
                application.MapGet("/has/{key}", async (string key, HttpContext context) => $"{(await OpenAsync(context)).Has(key)}");
                break;
            default:
                application.MapGet("/write", (RequestDelegate)OkAsync);
                break;
        }

        application.MapGet("/nothing", (RequestDelegate)OkAsync);
        application.MapGet("/allocated", () => GC.GetTotalAllocatedBytes().ToString(CultureInfo.InvariantCulture));
        await application.StartAsync();
        Console.WriteLine(application.Urls.First());
        await application.WaitForShutdownAsync();
    }

    private static Task OkAsync(HttpContext context)
    {
        context.Response.ContentLength = 2;
        return context.Response.WriteAsync("ok");
    }

    private static async Task ReadSessionAsync(HttpContext context)
    {
        await context.Session.LoadAsync();
        _ = context.Session.GetString("field1") ?? throw new InvalidOperationException("It is not there.");
        await OkAsync(context);
    }

    private static async Task WriteSessionAsync(HttpContext context)
    {
        await context.Session.LoadAsync();
        for (int i = context.Session.Keys.Count(); i < Entries; i++)
        {
            context.Session.SetString($"field{i}", Value);
        }

        context.Session.SetString("field1", Value);
        await OkAsync(context);
    }

    private static async Task ReadWorkflowAsync(HttpContext context)
    {
        WorkflowSession workflow = await OpenAsync(context);
        _ = workflow.Get<string>("field1") ?? throw new InvalidOperationException("It is not there.");
        await OkAsync(context);
    }

    private static async Task WriteWorkflowAsync(HttpContext context)
    {
        WorkflowSession workflow = await OpenAsync(context);
        for (int i = workflow.Count; i < Entries; i++)
        {
            workflow.Set($"field{i}", Value);
        }

        workflow.Set("field1", Value);
        await OkAsync(context);
    }

    private static async Task<WorkflowSession> OpenAsync(HttpContext context) =>
        await context.RequestServices.GetRequiredService<IWorkflowSessions>().OpenAsync("checkout", context.RequestAborted);
}
