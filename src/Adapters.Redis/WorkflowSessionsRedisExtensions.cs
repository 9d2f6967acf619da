using StackExchange.Redis;
using WorkflowSessions;
using WorkflowSessions.Redis;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Registers sessions in Redis.</summary>
public static class WorkflowSessionsRedisExtensions
{
    /// <summary>Keeps the sessions in a Redis of an address, through a connection of their own that ends with the application.</summary>
    /// <param name="builder">What <c>AddWorkflowSessions()</c> returned.</param>
    /// <param name="configuration">The address, as <c>host:6379</c>, with the client's options behind it. The application starts also when no server is there yet.</param>
    /// <param name="configure">Sets options; null for the defaults.</param>
    /// <exception cref="ArgumentException"><paramref name="configuration"/> is null or empty.</exception>
    public static IWorkflowSessionsBuilder AddRedisStore(
        this IWorkflowSessionsBuilder builder,
        string configuration,
        Action<RedisSessionStoreOptions>? configure = null
    )
    {
        ArgumentException.ThrowIfNullOrEmpty(configuration);
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
    public static IWorkflowSessionsBuilder AddRedisStore(
        this IWorkflowSessionsBuilder builder,
        Action<RedisSessionStoreOptions>? configure = null
    ) =>
        builder.AddStore<RedisSessionStoreOptions>(
            (services, options) =>
                new RedisSessionStoreFactory(
                    services.GetService<IConnectionMultiplexer>()
                        ?? throw new InvalidOperationException(
                            "AddRedisStore() found no IConnectionMultiplexer among the services. Register one, or call AddRedisStore(\"host:6379\")."
                        ),
                    options
                ),
            configure
        );
}
