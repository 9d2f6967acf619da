using Microsoft.Extensions.Options;

namespace WorkflowSessions.AspNetCore;

/// <summary>Takes over the idle timeout of the replaced session, in whatever store, unless the application sets options of the workflow <c>$http</c>.</summary>
internal sealed class HttpContextSessionTimeout(ReplacedSessionOptions replaced) : IPostConfigureOptions<BufferedSessionStoreOptions>
{
    public void PostConfigure(string? name, BufferedSessionStoreOptions options)
    {
        if (replaced.IdleTimeout is { } idleTimeout && !options.HasWorkflow(HttpContextSession.WorkflowId))
        {
            options.Workflow(HttpContextSession.WorkflowId, http => http.IdleTimeout = idleTimeout);
        }
    }
}
