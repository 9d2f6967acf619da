using System.Buffers;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace WorkflowSessions.AspNetCore.Tests;

/// <summary>The pipeline and the handler of a <see cref="ResponseProgram"/>. Each part writes a marker of its own.</summary>
/// <param name="program">The program.</param>
/// <param name="trace">What the handler does is noted here; null in the reference, where steps of the session do nothing.</param>
/// <param name="refusedStep">The step at which the session refused a change: there the reference throws as well.</param>
internal sealed class ResponsePipeline(ResponseProgram program, ResponseTrace? trace, int? refusedStep)
{
    public const string Workflow = "checkout";
    public const string Key = "step";
    public const string HandlerMarker = "[handler]";
    public const string ErrorPageMarker = "[error page]";
    public const string CatchMarker = "[caught]";
    public const string StatusPageMarker = "[status page]";

    private static readonly int[] Statuses = [200, 201, 204, 304, 400, 404, 500];

    public static string FilePath { get; set; } = "";

    public RequestDelegate Build(IServiceProvider services)
    {
        ApplicationBuilder app = new(services);
        foreach (ResponseLayer layer in program.Layers)
        {
            Add(app, layer);
        }

        app.Run(context => context.GetEndpoint()!.RequestDelegate!(context));
        return app.Build();
    }

    private void Add(ApplicationBuilder app, ResponseLayer layer)
    {
        _ = layer switch
        {
            ResponseLayer.ErrorPage => app.UseExceptionHandler(
                new ExceptionHandlerOptions { ExceptionHandler = context => context.Response.WriteAsync(ErrorPageMarker) }
            ),
            ResponseLayer.StatusPages => app.UseStatusCodePages(context => context.HttpContext.Response.WriteAsync(StatusPageMarker)),
            ResponseLayer.HeaderCallback => app.Use(
                (HttpContext context, RequestDelegate next) =>
                {
                    AddCallback(context.Response, "x-layer");
                    return next(context);
                }
            ),
            ResponseLayer.Catch => app.Use((context, next) => CatchAsync(context, next, clears: false)),
            ResponseLayer.CatchAndClear => app.Use((context, next) => CatchAsync(context, next, clears: true)),
            ResponseLayer.Buffer => app.Use(BufferAsync),
            ResponseLayer.Compression => app.UseResponseCompression(),
            ResponseLayer.Session => trace is null ? app : app.UseWorkflowSessions(),
            _ => app.Use(
                (HttpContext context, RequestDelegate next) =>
                {
                    context.SetEndpoint(new Endpoint(HandleAsync, EndpointMetadataCollection.Empty, "handler"));
                    return next(context);
                }
            ),
        };
    }

    private static async Task CatchAsync(HttpContext context, RequestDelegate next, bool clears)
    {
        try
        {
            await next(context);
        }
        catch (Exception) when (!context.Response.HasStarted)
        {
            if (clears)
            {
                context.Response.Clear();
            }

            context.Response.StatusCode = StatusCodes.Status500InternalServerError;
            await context.Response.WriteAsync(CatchMarker);
        }
    }

    private static async Task BufferAsync(HttpContext context, RequestDelegate next)
    {
        Stream original = context.Response.Body;
        using MemoryStream buffer = new();
        context.Response.Body = buffer;
        try
        {
            await next(context);
            await context.Response.BodyWriter.FlushAsync();
        }
        finally
        {
            context.Response.Body = original;
        }

        buffer.Position = 0;
        await buffer.CopyToAsync(context.Response.Body);
    }

    private static void AddCallback(HttpResponse response, string header) =>
        response.OnStarting(() =>
        {
            response.Headers[header] = "set";
            return Task.CompletedTask;
        });

    private async Task HandleAsync(HttpContext context)
    {
        try
        {
            foreach ((ResponseStep step, int number) in program.Steps)
            {
                if (number == refusedStep)
                {
                    throw new InvalidOperationException("The session refused this change.");
                }

                await (
                    step switch
                    {
                        ResponseStep.Open or ResponseStep.SetValue or ResponseStep.Commit => UseSessionAsync(context, step, number),
                        ResponseStep.SetStatus
                        or ResponseStep.SetHeader
                        or ResponseStep.AddCallback
                        or ResponseStep.Redirect
                        or ResponseStep.WriteToWriter
                        or ResponseStep.Throw => PrepareAsync(context.Response, step, number),
                        _ => ReleaseAsync(context.Response, step),
                    }
                );
            }
        }
        catch (Exception error)
        {
            _ = trace?.Error = error;
            throw;
        }
    }

    private async Task UseSessionAsync(HttpContext context, ResponseStep step, int number)
    {
        if (trace is null)
        {
            return;
        }

        IWorkflowSessions sessions = context.RequestServices.GetRequiredService<IWorkflowSessions>();
        if (step == ResponseStep.Commit)
        {
            await sessions.CommitAsync();
            trace.OnCommitted();
            return;
        }

        WorkflowSession workflow = await sessions.OpenAsync(Workflow);
        trace.OnOpened();
        if (step == ResponseStep.SetValue)
        {
            try
            {
                workflow.Set(Key, $"{number}");
                trace.OnSet($"{number}");
            }
            catch (InvalidOperationException)
            {
                trace.RefusedStep = number;
                throw;
            }
        }
    }

    private static Task PrepareAsync(HttpResponse response, ResponseStep step, int number)
    {
        switch (step)
        {
            case ResponseStep.SetStatus:
                response.StatusCode = Statuses[number % Statuses.Length];
                break;
            case ResponseStep.SetHeader:
                response.Headers[$"x-header-{number}"] = "set";
                break;
            case ResponseStep.AddCallback:
                AddCallback(response, $"x-callback-{number}");
                break;
            case ResponseStep.Redirect:
                response.Redirect("/elsewhere");
                break;
            case ResponseStep.WriteToWriter:
                response.BodyWriter.Write(Encoding.UTF8.GetBytes(HandlerMarker));
                break;
            default:
                throw new TimeoutException("The handler failed.");
        }

        return Task.CompletedTask;
    }

    private async Task ReleaseAsync(HttpResponse response, ResponseStep step)
    {
        if (step == ResponseStep.Start && response.HasStarted)
        {
            // Nothing comes to the session.
            await response.StartAsync();
            return;
        }

        ReadOnlyMemory<byte> text = Encoding.UTF8.GetBytes(HandlerMarker);
        trace?.OnReleasing(step == ResponseStep.Complete);
        switch (step)
        {
            case ResponseStep.WriteToBody:
                await response.Body.WriteAsync(text);
                break;
            case ResponseStep.WriteToBodyAndFlush:
                await response.Body.WriteAsync(text);
                await response.Body.FlushAsync();
                break;
            case ResponseStep.WriteToWriterAndFlush:
                await response.BodyWriter.WriteAsync(text);
                break;
            case ResponseStep.WriteJson:
                await response.WriteAsJsonAsync(HandlerMarker);
                break;
            case ResponseStep.SendFile:
                await response.SendFileAsync(FilePath);
                break;
            case ResponseStep.Start:
                await response.StartAsync();
                break;
            default:
                // The test server does not call a response started that is only completed.
                await response.StartAsync();
                await response.CompleteAsync();
                break;
        }

        trace?.OnReleased(step == ResponseStep.Complete);
    }
}
