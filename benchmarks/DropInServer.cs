using System.Globalization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace WorkflowSessions.Benchmarks;

/// <summary>The server that is measured: one application written for <c>HttpContext.Session</c>, on the framework's session or on ours.</summary>
internal static class DropInServer
{
    private const int Entries = 5;
    private static readonly string Value = new('x', 60);

    public static async Task RunAsync(string kind, string redis, int bytes)
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        switch (kind)
        {
            case "session":
                builder.Services.AddDataProtection();
                builder.Services.AddStackExchangeRedisCache(options => options.Configuration = redis).AddSession();
                break;
            case "drop-in":
                builder.Services.AddWorkflowSessions().AddRedisStore(redis).AddHttpContextSession();
                break;
            case "workflows":
                builder.Services.AddWorkflowSessions().AddRedisStore(redis);
                break;
            default:
                break;
        }

        WebApplication application = builder.Build();
        if (kind == "session")
        {
            application.UseSession();
        }
        else if (kind == "workflows")
        {
            application.UseWorkflowSessions();
        }

        application.MapGet("/nothing", (RequestDelegate)OkAsync);
        application.MapGet("/allocated", () => GC.GetTotalAllocatedBytes().ToString(CultureInfo.InvariantCulture));
        if (kind is "session" or "drop-in")
        {
            application.MapGet("/read", (RequestDelegate)ReadAsync);
            application.MapGet("/write", (RequestDelegate)(context => WriteAsync(context, bytes)));
        }
        else
        {
            application.MapGet("/write", (RequestDelegate)OkAsync);
        }

        await application.StartAsync();
        Console.WriteLine(application.Urls.First());
        await application.WaitForShutdownAsync();
    }

    private static Task OkAsync(HttpContext context)
    {
        context.Response.ContentLength = 2;
        return context.Response.WriteAsync("ok");
    }

    // With LoadAsync: without it, 32 requests at a time on the framework's session wait for threads until their loads fail.
    private static async Task ReadAsync(HttpContext context)
    {
        await context.Session.LoadAsync();
        _ = context.Session.GetString("field1") ?? throw new InvalidOperationException("It is not there.");
        await OkAsync(context);
    }

    private static async Task WriteAsync(HttpContext context, int bytes)
    {
        await context.Session.LoadAsync();
        if (context.Session.GetString("field1") is null)
        {
            for (int i = 0; i < Entries; i++)
            {
                context.Session.SetString($"field{i}", Value);
            }

            // The rest in twenty.
            const int Others = 20;
            for (int i = 0; i < Others && bytes > Entries * Value.Length; i++)
            {
                context.Session.SetString($"other{i}", new string('y', (bytes - (Entries * Value.Length)) / Others));
            }
        }

        context.Session.SetString("field1", Value);
        await OkAsync(context);
    }
}
