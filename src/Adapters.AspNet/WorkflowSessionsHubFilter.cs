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
        RequestSessions sessions = Attach(invocationContext.ServiceProvider, invocationContext.Context);
        object? result = await next(invocationContext).ConfigureAwait(false);
        await sessions.CommitAsync(CancellationToken.None).ConfigureAwait(false);
        return result;
    }

    public async Task OnConnectedAsync(HubLifetimeContext context, Func<HubLifetimeContext, Task> next)
    {
        RequestSessions sessions = Attach(context.ServiceProvider, context.Context);
        await next(context).ConfigureAwait(false);
        await sessions.CommitAsync(CancellationToken.None).ConfigureAwait(false);
    }

    public async Task OnDisconnectedAsync(HubLifetimeContext context, Exception? exception, Func<HubLifetimeContext, Exception?, Task> next)
    {
        RequestSessions sessions = Attach(context.ServiceProvider, context.Context);
        await next(context, exception).ConfigureAwait(false);
        await sessions.CommitAsync(CancellationToken.None).ConfigureAwait(false);
    }

    private static RequestSessions Attach(IServiceProvider services, HubCallerContext caller)
    {
        RequestSessions sessions = services.GetRequiredService<RequestSessions>();
        sessions.AttachToConnection(caller.GetHttpContext());
        return sessions;
    }
}
