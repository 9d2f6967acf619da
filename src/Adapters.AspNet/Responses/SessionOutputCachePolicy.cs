using Microsoft.AspNetCore.OutputCaching;

namespace WorkflowSessions.AspNetCore;

/// <summary>Keeps the output cache from storing the response of a request that used a session, also where that was in front of the cache.</summary>
internal sealed class SessionOutputCachePolicy : IOutputCachePolicy
{
    public ValueTask CacheRequestAsync(OutputCacheContext context, CancellationToken cancellation) => ValueTask.CompletedTask;

    public ValueTask ServeFromCacheAsync(OutputCacheContext context, CancellationToken cancellation) => ValueTask.CompletedTask;

    public ValueTask ServeResponseAsync(OutputCacheContext context, CancellationToken cancellation)
    {
        if (context.HttpContext.Features.Get<RequestSession>() is { HasOpened: true })
        {
            context.AllowCacheStorage = false;
        }

        return ValueTask.CompletedTask;
    }
}
