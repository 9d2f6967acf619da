using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;

namespace WorkflowSessions.AspNetCore;

/// <summary>Commits what a request changed before the first byte of its response, and tells the client when it could not.</summary>
internal sealed class WorkflowSessionsMiddleware(
    RequestDelegate next,
    ILoggerFactory loggers,
    HttpContextSessionPreloading? preloading = null
)
{
    private readonly ILogger _logger = loggers.CreateLogger(WorkflowSessionsDiagnostics.LoggerCategory);

    public async Task InvokeAsync(HttpContext context)
    {
        IFeatureCollection features = context.Features;
        IHttpResponseBodyFeature innerBody = features.GetRequiredFeature<IHttpResponseBodyFeature>();
        IHttpResponseFeature innerResponse = features.GetRequiredFeature<IHttpResponseFeature>();
        RequestSession session = RequestSession.Of(context);
        session.BeginRun();
        CommittingResponse response = new(innerResponse);
        response.RememberHeaders();
        CommittingBody body = new(innerBody, session, response, HttpMethods.IsHead(context.Request.Method));
        features.Set<IHttpResponseFeature>(response);
        features.Set<IHttpResponseBodyFeature>(body);
        features.Set(body);
        features.Set<IEndpointFeature>(new SessionEndpointFeature(context.GetEndpoint()));
        if (preloading is not null)
        {
            features.Set<ISessionFeature>(new HttpContextSession(context, session, preloading));
        }

        try
        {
            if (preloading is not null)
            {
                await preloading.PreloadAsync(context).ConfigureAwait(false);
            }

            await next(context).ConfigureAwait(false);
            await body.FinishAsync().ConfigureAwait(false);
        }
        catch (WorkflowSessionException error) when (error is SessionStoreException or WorkflowConflictException)
        {
            body.Fail();
            if (body.HasPassedOn || innerResponse.HasStarted)
            {
                // The client has a status of success already. A response that breaks off is the only way left to take it back.
                _logger.LogAborted(error.GetType().Name);
                context.Abort();
                throw;
            }

            features.Set(innerBody);
            features.Set(innerResponse);
            await NotStored.WriteAsync(context, response, error).ConfigureAwait(false);
        }
        finally
        {
            session.EndRun();
            features.Set(innerBody);
            features.Set(innerResponse);
            features.Set<CommittingBody>(null);
            body.Dispose();
            if (preloading is not null)
            {
                features.Set<ISessionFeature>(null);
            }
        }
    }
}
