using Microsoft.AspNetCore.SignalR;
using Microsoft.Extensions.DependencyInjection;

namespace WorkflowSessions.AspNetCore;

/// <summary>Opens the session of a hub's connection for each call, and commits at its end.</summary>
internal sealed class WorkflowSessionsHubFilter : IHubFilter
{
    public async ValueTask<object?> InvokeMethodAsync(
        HubInvocationContext invocationContext,
        Func<HubInvocationContext, ValueTask<object?>> next
    )
    {
        RequestSession session = Attach(invocationContext.ServiceProvider, invocationContext.Context);
        object? result = await next(invocationContext).ConfigureAwait(false);
        await session.CommitAsync(CancellationToken.None).ConfigureAwait(false);
        return result;
    }

    public async Task OnConnectedAsync(HubLifetimeContext context, Func<HubLifetimeContext, Task> next)
    {
        RequestSession session = Attach(context.ServiceProvider, context.Context);
        await next(context).ConfigureAwait(false);
        await session.CommitAsync(CancellationToken.None).ConfigureAwait(false);
    }

    public async Task OnDisconnectedAsync(HubLifetimeContext context, Exception? exception, Func<HubLifetimeContext, Exception?, Task> next)
    {
        RequestSession session = Attach(context.ServiceProvider, context.Context);
        await next(context, exception).ConfigureAwait(false);
        await session.CommitAsync(CancellationToken.None).ConfigureAwait(false);
    }

    private static RequestSession Attach(IServiceProvider services, HubCallerContext caller)
    {
        RequestSession session = RequestSession.OfHub(services.GetRequiredService<RequestSessionServices>(), caller.GetHttpContext());
        // The scope of a call, or of a stream, ends it.
        services.GetRequiredService<ScopedWorkflowSessions>().Use(session);
        return session;
    }
}
