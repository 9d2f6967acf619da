using Microsoft.AspNetCore.SignalR;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;
using WorkflowSessions;
using WorkflowSessions.AspNetCore;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Registers WorkflowSessions in web applications.</summary>
public static class WorkflowSessionsAspNetCoreExtensions
{
    /// <summary>Registers <see cref="IWorkflowSessions"/>. Exactly one store must be added to what it returns; the application does not start otherwise.</summary>
    /// <param name="services">The services of the application.</param>
    /// <exception cref="ArgumentNullException"><paramref name="services"/> is null.</exception>
    public static IWorkflowSessionsBuilder AddWorkflowSessions(this IServiceCollection services) => services.AddWorkflowSessions(_ => { });

    /// <inheritdoc cref="AddWorkflowSessions(IServiceCollection)" />
    /// <param name="services">The services of the application.</param>
    /// <param name="configure">Sets the options of the cookie.</param>
    public static IWorkflowSessionsBuilder AddWorkflowSessions(this IServiceCollection services, Action<WorkflowSessionsOptions> configure)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(configure);
        services.TryAddScoped<RequestSessions>();
        services.TryAddScoped<IWorkflowSessions>(scope => scope.GetRequiredService<RequestSessions>());
        services.Configure(configure);
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IConfigureOptions<HubOptions>, HubFilterRegistration>());
        return WorkflowSessionsServiceCollectionExtensions.AddWorkflowSessions<IServiceCollection>(services);
    }

    /// <summary>Checks that the store of the sessions stores: three round trips to it.</summary>
    /// <param name="builder">The health checks of the application.</param>
    /// <exception cref="ArgumentNullException"><paramref name="builder"/> is null.</exception>
    public static IHealthChecksBuilder AddWorkflowSessions(this IHealthChecksBuilder builder)
    {
        ArgumentNullException.ThrowIfNull(builder);
        return builder.AddCheck<WorkflowSessionsHealthCheck>("workflowsessions");
    }

    private sealed class HubFilterRegistration : IConfigureOptions<HubOptions>
    {
        public void Configure(HubOptions options) => options.AddFilter(new WorkflowSessionsHubFilter());
    }
}
