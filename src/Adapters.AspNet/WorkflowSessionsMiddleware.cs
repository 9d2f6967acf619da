using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace WorkflowSessions.AspNetCore;

/// <summary>Commits what a request changed before the first byte of its response, and tells the client when it could not.</summary>
internal sealed class WorkflowSessionsMiddleware(RequestDelegate next, ILoggerFactory loggers)
{
    private readonly ILogger _logger = loggers.CreateLogger(WorkflowSessionsDiagnostics.LoggerCategory);

    public async Task InvokeAsync(HttpContext context)
    {
        RequestSessions sessions = context.RequestServices.GetRequiredService<RequestSessions>();
        sessions.Attach(context);
        IHttpResponseBodyFeature inner = context.Features.GetRequiredFeature<IHttpResponseBodyFeature>();
        CommittingBody body = new(inner, sessions);
        context.Features.Set<IHttpResponseBodyFeature>(body);
        try
        {
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
        }
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
