using Microsoft.Extensions.Options;
using WorkflowSessions;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Replaces the store of an application in its integration tests.</summary>
public static class WorkflowSessionsTestingExtensions
{
    private static readonly Type[] OptionsServices =
    [
        typeof(IConfigureOptions<>),
        typeof(IPostConfigureOptions<>),
        typeof(IValidateOptions<>),
    ];

    /// <summary>
    /// Replaces the store that the application registered by a new one in memory, so that a test host starts without Redis. Call it in
    /// <c>ConfigureTestServices</c> of a <c>WebApplicationFactory</c>.
    /// </summary>
    /// <param name="services">The services of the application.</param>
    /// <param name="configure">Sets options of the store in memory; null for the defaults. Options of the replaced store do not apply to it.</param>
    /// <remarks>The store takes the <see cref="TimeProvider"/> among the services as its clock. The checks of the replaced store at start are removed.</remarks>
    /// <exception cref="ArgumentNullException"><paramref name="services"/> is null.</exception>
    /// <exception cref="InvalidOperationException">No store is registered.</exception>
    public static IServiceCollection ReplaceSessionStore(
        this IServiceCollection services,
        Action<InMemorySessionStoreOptions>? configure = null
    )
    {
        RemoveStore(services);
        services.AddWorkflowSessions().AddInMemoryStore(configure);
        return services;
    }

    /// <summary>
    /// Replaces the store that the application registered by another one. Call it in <c>ConfigureTestServices</c> of a <c>WebApplicationFactory</c>.
    /// </summary>
    /// <param name="services">The services of the application.</param>
    /// <param name="store">The store, which stays the caller's: the host does not dispose it.</param>
    /// <remarks>The checks of the replaced store at start are removed.</remarks>
    /// <exception cref="ArgumentNullException"><paramref name="services"/> or <paramref name="store"/> is null.</exception>
    /// <exception cref="InvalidOperationException">No store is registered.</exception>
    public static IServiceCollection ReplaceSessionStore(this IServiceCollection services, ISessionStoreFactory store)
    {
        ArgumentNullException.ThrowIfNull(store);
        RemoveStore(services);
        return services.AddSingleton(store);
    }

    private static void RemoveStore(IServiceCollection services)
    {
        ArgumentNullException.ThrowIfNull(services);
        if (!services.Any(service => service.ServiceType == typeof(ISessionStoreFactory)))
        {
            throw new InvalidOperationException(
                "ReplaceSessionStore() found no store to replace. Call it after the application has registered one, as in ConfigureTestServices()."
            );
        }

        // The options of a store are created when the host starts. A test host has neither its settings nor its server.
        foreach (ServiceDescriptor service in services.Where(service => IsOfStore(service.ServiceType)).ToList())
        {
            services.Remove(service);
        }
    }

    private static bool IsOfStore(Type service) =>
        service == typeof(ISessionStoreFactory)
        || (
            service.IsConstructedGenericType
            && OptionsServices.Contains(service.GetGenericTypeDefinition())
            && service.GenericTypeArguments[0].IsSubclassOf(typeof(BufferedSessionStoreOptions))
        );
}
