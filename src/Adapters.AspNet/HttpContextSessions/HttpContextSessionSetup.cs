using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;

namespace WorkflowSessions.AspNetCore;

/// <summary>Adds WorkflowSessions at the beginning of the pipeline, unless the application does it where it wants.</summary>
internal sealed class HttpContextSessionSetup : IStartupFilter
{
    /// <summary>Whether the application has called <c>UseWorkflowSessions()</c>.</summary>
    public bool IsAdded { get; set; }

    public Action<IApplicationBuilder> Configure(Action<IApplicationBuilder> next) =>
        app =>
        {
            // Decided when the pipeline is built, behind all that the application adds to it.
            app.Use(rest =>
                IsAdded ? rest : ActivatorUtilities.CreateInstance<WorkflowSessionsMiddleware>(app.ApplicationServices, rest).InvokeAsync
            );
            next(app);
        };
}
