using Microsoft.Extensions.DependencyInjection;
using WorkflowSessions.AspNetCore;

namespace Microsoft.AspNetCore.Builder;

/// <summary>Adds WorkflowSessions to the requests of an application.</summary>
public static class WorkflowSessionsApplicationBuilderExtensions
{
    private const string Added = "WorkflowSessions.Added";

    /// <summary>
    /// Gives requests their <see cref="IWorkflowSessions"/>. Call it once, behind error handlers and compression, and before the endpoints and whatever
    /// else uses sessions.
    /// </summary>
    /// <param name="app">The application.</param>
    /// <exception cref="ArgumentNullException"><paramref name="app"/> is null.</exception>
    /// <exception cref="InvalidOperationException">It was called before, or <c>AddWorkflowSessions()</c> was not.</exception>
    public static IApplicationBuilder UseWorkflowSessions(this IApplicationBuilder app)
    {
        ArgumentNullException.ThrowIfNull(app);
        if (!app.Properties.TryAdd(Added, value: true))
        {
            throw new InvalidOperationException("UseWorkflowSessions() was called twice. Call it once; it serves all branches behind it.");
        }

        if (app.ApplicationServices.GetService<IServiceProviderIsService>()?.IsService(typeof(RequestSessionServices)) == false)
        {
            throw new InvalidOperationException(
                "UseWorkflowSessions() found no services. Call builder.Services.AddWorkflowSessions() with a store, as .AddInMemoryStore(), in a project "
                    + "that refers to the package WorkflowSessions.AspNetCore."
            );
        }

        if (app.ApplicationServices.GetService<HttpContextSessionSetup>() is { } setup)
        {
            setup.IsAdded = true;
        }

        return app.UseMiddleware<WorkflowSessionsMiddleware>();
    }
}
