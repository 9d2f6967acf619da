using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace WorkflowSessions.AspNetCore;

/// <summary>Adds WorkflowSessions at the beginning of the pipeline, unless the application does it where it wants.</summary>
internal sealed class HttpContextSessionSetup(ReplacedSessionOptions replaced, ILoggerFactory loggers) : IStartupFilter
{
    /// <summary>Whether the application has called <c>UseWorkflowSessions()</c>.</summary>
    public bool IsAdded { get; set; }

    public Action<IApplicationBuilder> Configure(Action<IApplicationBuilder> next) =>
        app =>
        {
            Warn();
            // Decided when the pipeline is built, behind all that the application adds to it.
            app.Use(rest =>
                IsAdded ? rest : ActivatorUtilities.CreateInstance<WorkflowSessionsMiddleware>(app.ApplicationServices, rest).InvokeAsync
            );
            next(app);
        };

    private void Warn()
    {
        ILogger logger = loggers.CreateLogger(WorkflowSessionsDiagnostics.LoggerCategory);
        if (replaced.Ignored.Count > 0)
        {
            logger.LogSessionOptionsIgnored(string.Join(", ", replaced.Ignored));
        }

        if (replaced.IdleTimeout is { } idleTimeout)
        {
            logger.LogIdleTimeoutTakenOver(idleTimeout);
        }
    }
}
