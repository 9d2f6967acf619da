using Microsoft.Extensions.Options;
using StackExchange.Redis;
using WorkflowSessions;
using WorkflowSessions.Redis;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Registers sessions in Redis.</summary>
public static class WorkflowSessionsRedisExtensions
{
    /// <summary>Keeps the sessions in a Redis of an address, through a connection of their own that ends with the application.</summary>
    /// <param name="builder">What <c>AddWorkflowSessions()</c> returned.</param>
    /// <param name="configuration">
    /// The address: <c>host:6379</c>, with the client's options behind it, or <c>redis://[user[:password]@]host[:port][/database]</c>, <c>rediss://</c>
    /// for TLS, with user and password percent-encoded.
    /// </param>
    /// <param name="configure">Sets options; null for the defaults.</param>
    /// <remarks>
    /// An address that can't be read keeps the application from starting. A server that is not there does not: the connection is made in the background,
    /// and until there is one, operations throw <see cref="SessionStoreException"/>.
    /// </remarks>
    /// <exception cref="ArgumentNullException"><paramref name="builder"/> or <paramref name="configuration"/> is null.</exception>
    /// <exception cref="ArgumentException"><paramref name="configuration"/> is empty.</exception>
    public static IWorkflowSessionsBuilder AddRedisStore(
        this IWorkflowSessionsBuilder builder,
        string configuration,
        Action<RedisSessionStoreOptions>? configure = null
    )
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentException.ThrowIfNullOrEmpty(configuration);
        builder.Services.AddSingleton<IValidateOptions<RedisSessionStoreOptions>>(new AddressCheck(configuration));
        return builder.AddStore<RedisSessionStoreOptions>(
            (_, options) => RedisSessionStoreFactory.Connect(configuration, options),
            configure
        );
    }

    /// <summary>Keeps the sessions in Redis through a connection that stays the application's.</summary>
    /// <param name="builder">What <c>AddWorkflowSessions()</c> returned.</param>
    /// <param name="connection">The connection.</param>
    /// <param name="configure">Sets options; null for the defaults.</param>
    /// <exception cref="ArgumentNullException"><paramref name="connection"/> is null.</exception>
    public static IWorkflowSessionsBuilder AddRedisStore(
        this IWorkflowSessionsBuilder builder,
        IConnectionMultiplexer connection,
        Action<RedisSessionStoreOptions>? configure = null
    )
    {
        ArgumentNullException.ThrowIfNull(connection);
        return builder.AddStore<RedisSessionStoreOptions>((_, options) => new RedisSessionStoreFactory(connection, options), configure);
    }

    /// <summary>Keeps the sessions in Redis through the <see cref="IConnectionMultiplexer"/> among the application's services.</summary>
    /// <param name="builder">What <c>AddWorkflowSessions()</c> returned.</param>
    /// <param name="configure">Sets options; null for the defaults.</param>
    /// <remarks>The application does not start when there is no such service.</remarks>
    /// <exception cref="ArgumentNullException"><paramref name="builder"/> is null.</exception>
    public static IWorkflowSessionsBuilder AddRedisStore(
        this IWorkflowSessionsBuilder builder,
        Action<RedisSessionStoreOptions>? configure = null
    ) => builder.AddRegisteredConnection(serviceKey: null, configure);

    /// <summary>Keeps the sessions in Redis through an <see cref="IConnectionMultiplexer"/> that is registered under a key among the application's services.</summary>
    /// <param name="builder">What <c>AddWorkflowSessions()</c> returned.</param>
    /// <param name="serviceKey">The key of the service.</param>
    /// <param name="configure">Sets options; null for the defaults.</param>
    /// <remarks>The application does not start when there is no such service.</remarks>
    /// <exception cref="ArgumentNullException"><paramref name="builder"/> or <paramref name="serviceKey"/> is null.</exception>
    public static IWorkflowSessionsBuilder AddKeyedRedisStore(
        this IWorkflowSessionsBuilder builder,
        object serviceKey,
        Action<RedisSessionStoreOptions>? configure = null
    )
    {
        ArgumentNullException.ThrowIfNull(serviceKey);
        return builder.AddRegisteredConnection(serviceKey, configure);
    }

    private static IWorkflowSessionsBuilder AddRegisteredConnection(
        this IWorkflowSessionsBuilder builder,
        object? serviceKey,
        Action<RedisSessionStoreOptions>? configure
    )
    {
        ArgumentNullException.ThrowIfNull(builder);
        builder.Services.AddSingleton<IValidateOptions<RedisSessionStoreOptions>>(services => new ConnectionCheck(services, serviceKey));
        return builder.AddStore<RedisSessionStoreOptions>(
            (services, options) =>
                new RedisSessionStoreFactory(
                    services.GetKeyedService<IConnectionMultiplexer>(serviceKey)
                        ?? throw new InvalidOperationException(ConnectionCheck.Missing(serviceKey)),
                    options
                ),
            configure
        );
    }
}
