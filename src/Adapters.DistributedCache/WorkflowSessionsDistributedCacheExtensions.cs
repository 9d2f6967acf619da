using Microsoft.Extensions.Caching.Distributed;
using WorkflowSessions;
using WorkflowSessions.DistributedCache;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Registers sessions in a distributed cache.</summary>
public static class WorkflowSessionsDistributedCacheExtensions
{
    /// <summary>Keeps the sessions in the <see cref="IDistributedCache"/> among the application's services.</summary>
    /// <param name="builder">What <c>AddWorkflowSessions()</c> returned.</param>
    /// <param name="configure">Sets options; null for the defaults.</param>
    /// <exception cref="ArgumentNullException"><paramref name="builder"/> is null.</exception>
    public static IWorkflowSessionsBuilder AddDistributedCacheStore(
        this IWorkflowSessionsBuilder builder,
        Action<DistributedCacheSessionStoreOptions>? configure = null
    ) =>
        builder.AddStore<DistributedCacheSessionStoreOptions>(
            (services, options) =>
                new DistributedCacheSessionStoreFactory(
                    services.GetService<IDistributedCache>()
                        ?? throw new InvalidOperationException(
                            "AddDistributedCacheStore() found no IDistributedCache among the services. Register one, as with AddStackExchangeRedisCache(…)."
                        ),
                    options
                ),
            configure
        );
}
