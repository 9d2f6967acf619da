using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace WorkflowSessions.AspNetCore;

/// <summary>Commits what a request changed before the first byte of its response, and tells the client when it could not.</summary>
internal sealed class WorkflowSessionsMiddleware(RequestDelegate next, ILoggerFactory loggers, HttpSessionPreloading? preloading = null)
{
    private readonly ILogger _logger = loggers.CreateLogger(WorkflowSessionsDiagnostics.LoggerCategory);

    public async Task InvokeAsync(HttpContext context)
    {
        RequestSessions sessions = context.RequestServices.GetRequiredService<RequestSessions>();
        sessions.Attach(context);
        IHttpResponseBodyFeature inner = context.Features.GetRequiredFeature<IHttpResponseBodyFeature>();
        CommittingResponse? response = preloading is null ? null : BeginHttpSession(context, sessions, preloading);
        CommittingBody body = new(inner, sessions, response);
        context.Features.Set<IHttpResponseBodyFeature>(body);
        try
        {
            if (
                preloading is not null
                && context.GetEndpoint() is { } endpoint
                && preloading.IsLearned(endpoint)
                && context.Features.Get<ISessionFeature>() is HttpSession session
            )
            {
                await session.PreloadAsync().ConfigureAwait(false);
            }

            await next(context).ConfigureAwait(false);
            await FinishAsync(context, body).ConfigureAwait(false);
        }
        catch (Exception error) when (error is SessionStoreException or WorkflowConflictException && !context.Response.HasStarted)
        {
            context.Features.Set(inner);
            await NotStored.WriteAsync(context, (WorkflowSessionException)error).ConfigureAwait(false);
        }
        finally
        {
            sessions.DiscardChanges();
            context.Features.Set(inner);
            if (response is not null)
            {
                context.Features.Set(response.Inner);
                context.Features.Set<ISessionFeature>(null);
            }
        }
    }

    private static CommittingResponse BeginHttpSession(HttpContext context, RequestSessions sessions, HttpSessionPreloading preloading)
    {
        CommittingResponse response = new(context.Features.GetRequiredFeature<IHttpResponseFeature>());
        context.Features.Set<IHttpResponseFeature>(response);
        context.Features.Set<ISessionFeature>(new HttpSession(context, sessions, preloading));
        return response;
    }

    private async ValueTask FinishAsync(HttpContext context, CommittingBody body)
    {
        try
        {
            await body.FinishAsync().ConfigureAwait(false);
        }
        catch (Exception error) when (context.Response.HasStarted)
        {
            // The client has a status of success already; a response that breaks off is the only way left to take it back.
            _logger.LogAborted(error.GetType().Name);
            context.Abort();
        }
    }
}
