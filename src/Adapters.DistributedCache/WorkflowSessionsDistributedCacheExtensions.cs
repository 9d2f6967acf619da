using Microsoft.Extensions.Caching.Distributed;
using Microsoft.Extensions.Options;
using WorkflowSessions;
using WorkflowSessions.DistributedCache;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Registers sessions in a distributed cache.</summary>
public static class WorkflowSessionsDistributedCacheExtensions
{
    /// <summary>Keeps the sessions in the <see cref="IDistributedCache"/> among the application's services.</summary>
    /// <param name="builder">What <c>AddWorkflowSessions()</c> returned.</param>
    /// <param name="configure">Sets options; null for the defaults.</param>
    /// <remarks>The application does not start when there is no such service.</remarks>
    /// <exception cref="ArgumentNullException"><paramref name="builder"/> is null.</exception>
    public static IWorkflowSessionsBuilder AddDistributedCacheStore(
        this IWorkflowSessionsBuilder builder,
        Action<DistributedCacheSessionStoreOptions>? configure = null
    )
    {
        ArgumentNullException.ThrowIfNull(builder);
        builder.Services.AddSingleton<IValidateOptions<DistributedCacheSessionStoreOptions>>(services => new CacheCheck(services));
        return builder.AddStore<DistributedCacheSessionStoreOptions>(
            (services, options) =>
                new DistributedCacheSessionStoreFactory(
                    services.GetService<IDistributedCache>() ?? throw new InvalidOperationException(CacheCheck.Missing),
                    options
                ),
            configure
        );
    }

    /// <summary>Checks at start, with the options, that the application has registered a cache.</summary>
    private sealed class CacheCheck(IServiceProvider services) : IValidateOptions<DistributedCacheSessionStoreOptions>
    {
        public const string Missing =
            "AddDistributedCacheStore() found no IDistributedCache among the services. Register one, as with AddStackExchangeRedisCache(…).";

        // It is not resolved, because that may connect, and block the start. A container that can't tell fails at the first request instead.
        public ValidateOptionsResult Validate(string? name, DistributedCacheSessionStoreOptions options) =>
            services.GetService<IServiceProviderIsService>()?.IsService(typeof(IDistributedCache)) == false
                ? ValidateOptionsResult.Fail(Missing)
                : ValidateOptionsResult.Success;
    }
}
