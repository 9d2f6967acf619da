using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Diagnostics;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.OutputCaching;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.SignalR;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Diagnostics.HealthChecks;
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
        services.AddHttpContextAccessor();
        services.TryAddSingleton<SessionCookies>();
        services.TryAddSingleton<RequestSessionServices>();
        services.TryAddScoped<ScopedWorkflowSessions>();
        services.TryAddScoped<IWorkflowSessions>(scope => scope.GetRequiredService<ScopedWorkflowSessions>());
        services.AddOptions<WorkflowSessionsOptions>().Configure(configure).ValidateOnStart();
        services.TryAddEnumerable(
            ServiceDescriptor.Singleton<IValidateOptions<WorkflowSessionsOptions>, WorkflowSessionsOptionsValidation>()
        );
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IExceptionHandler, ErrorPageStatus>());
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IDeveloperPageExceptionFilter, ErrorPageStatus>());
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IConfigureOptions<OutputCacheOptions>, OutputCacheRegistration>());
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IConfigureOptions<HubOptions>, HubFilterRegistration>());
        return WorkflowSessionsServiceCollectionExtensions.AddWorkflowSessions((IList<ServiceDescriptor>)services);
    }

    /// <summary>
    /// Keeps <c>HttpContext.Session</c>, and with it TempData and whatever else is built on <see cref="ISession"/>, in the store of the workflows, where each key
    /// is committed by itself. Remove <c>app.UseSession()</c>; <c>app.UseWorkflowSessions()</c> is needed only to say where in the pipeline sessions begin.
    /// </summary>
    /// <param name="builder">What <c>AddWorkflowSessions()</c> returned.</param>
    /// <remarks>
    /// A request that uses the session when it is not loaded yet waits with its thread, which the counter
    /// <c>workflowsessions.http_session.blocking_loads</c> counts; for later requests of that endpoint the session is loaded before it runs. A configured
    /// <see cref="SessionOptions.IdleTimeout"/> is taken over, unless the options of the store have one of the workflow <c>$http</c>. Other
    /// <see cref="SessionOptions"/> have no effect; a warning at start names them.
    /// </remarks>
    /// <exception cref="ArgumentNullException"><paramref name="builder"/> is null.</exception>
    public static IWorkflowSessionsBuilder AddHttpContextSession(this IWorkflowSessionsBuilder builder)
    {
        ArgumentNullException.ThrowIfNull(builder);
        IServiceCollection services = builder.Services;
        services.TryAddSingleton<HttpContextSessionPreloading>();
        services.TryAddEnumerable(
            ServiceDescriptor.Singleton<MatcherPolicy, HttpContextSessionPreloading>(provider =>
                provider.GetRequiredService<HttpContextSessionPreloading>()
            )
        );
        services.TryAddSingleton<ReplacedSessionOptions>();
        services.TryAddEnumerable(
            ServiceDescriptor.Singleton<IPostConfigureOptions<BufferedSessionStoreOptions>, HttpContextSessionTimeout>()
        );
        services.TryAddSingleton<HttpContextSessionSetup>();
        services.TryAddEnumerable(
            ServiceDescriptor.Singleton<IStartupFilter, HttpContextSessionSetup>(provider =>
                provider.GetRequiredService<HttpContextSessionSetup>()
            )
        );
        // What UseSession() asks for first: the session that it would bring loses writes again.
        services.Replace(
            ServiceDescriptor.Transient<Microsoft.AspNetCore.Session.ISessionStore>(_ =>
                throw new InvalidOperationException(
                    "app.UseSession() is called, although AddHttpContextSession() keeps HttpContext.Session. Remove app.UseSession(), or call "
                        + "app.UseWorkflowSessions() in its place."
                )
            )
        );
        return builder;
    }

    /// <summary>Checks that the store of the sessions stores: it writes, reads and ends a workflow of a session of its own.</summary>
    /// <param name="builder">The health checks of the application.</param>
    /// <param name="name">The name of the check.</param>
    /// <param name="failureStatus">The status that is reported when the store fails; null for <see cref="HealthStatus.Unhealthy"/>.</param>
    /// <param name="tags">Tags to select checks by; null for none.</param>
    /// <param name="timeout">How long the check may take; null for no limit but those of the store.</param>
    /// <remarks>
    /// A store in memory has no server that could fail, and is always healthy. The check begins no session there: it takes no visitor's place, and a full store
    /// is healthy, too, because it serves the visitors that it has.
    /// </remarks>
    /// <exception cref="ArgumentNullException"><paramref name="builder"/> or <paramref name="name"/> is null.</exception>
    public static IHealthChecksBuilder AddWorkflowSessions(
        this IHealthChecksBuilder builder,
        string name = "workflowsessions",
        HealthStatus? failureStatus = null,
        IEnumerable<string>? tags = null,
        TimeSpan? timeout = null
    )
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentNullException.ThrowIfNull(name);
        return builder.Add(
            new HealthCheckRegistration(
                name,
                services => new WorkflowSessionsHealthCheck(services.GetRequiredService<ISessionStoreFactory>()),
                failureStatus,
                tags,
                timeout
            )
        );
    }

    private sealed class HubFilterRegistration : IConfigureOptions<HubOptions>
    {
        public void Configure(HubOptions options) => options.AddFilter(new WorkflowSessionsHubFilter());
    }

    private sealed class OutputCacheRegistration : IConfigureOptions<OutputCacheOptions>
    {
        public void Configure(OutputCacheOptions options) => options.AddBasePolicy(new SessionOutputCachePolicy());
    }
}
