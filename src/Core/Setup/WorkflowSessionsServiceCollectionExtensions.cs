using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using WorkflowSessions;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Registers WorkflowSessions.</summary>
public static class WorkflowSessionsServiceCollectionExtensions
{
    /// <summary>Registers what all stores need. Exactly one store must be added to what it returns; the application does not start otherwise.</summary>
    /// <param name="services">The services of the application, an <see cref="IServiceCollection"/>.</param>
    /// <remarks>
    /// Its parameter is a list, so that the method of this name in WorkflowSessions.AspNetCore, which adds to it what requests need, is preferred for
    /// every type of collection where there is one.
    /// </remarks>
    /// <exception cref="ArgumentNullException"><paramref name="services"/> is null.</exception>
    /// <exception cref="ArgumentException"><paramref name="services"/> is not an <see cref="IServiceCollection"/>.</exception>
    public static IWorkflowSessionsBuilder AddWorkflowSessions(this IList<ServiceDescriptor> services)
    {
        ArgumentNullException.ThrowIfNull(services);
        if (services is not IServiceCollection collection)
        {
            throw new ArgumentException("The services must be an IServiceCollection, as builder.Services is.", nameof(services));
        }

        collection.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<StoreRegistration>>(new StoreRegistration(collection)));
        collection.AddOptions<StoreRegistration>().ValidateOnStart();
        return new Builder(collection);
    }

    /// <summary>Keeps the sessions in the memory of this process, as a singleton <see cref="ISessionStoreFactory"/>.</summary>
    /// <param name="builder">What <see cref="AddWorkflowSessions"/> returned.</param>
    /// <param name="configure">
    /// Sets options; null for the defaults. They can be bound too: <c>services.Configure&lt;InMemorySessionStoreOptions&gt;(section)</c>.
    /// </param>
    /// <exception cref="ArgumentNullException"><paramref name="builder"/> is null.</exception>
    /// <remarks>An option that is out of range keeps the application from starting, with its name in the message.</remarks>
    public static IWorkflowSessionsBuilder AddInMemoryStore(
        this IWorkflowSessionsBuilder builder,
        Action<InMemorySessionStoreOptions>? configure = null
    )
    {
        return builder.AddStore<InMemorySessionStoreOptions>((_, options) => new InMemorySessionStoreFactory(options), configure);
    }

    /// <summary>Registers a store, as the packages of the stores do: a singleton <see cref="ISessionStoreFactory"/>, and options that are checked at start.</summary>
    /// <typeparam name="TOptions">The type of its options.</typeparam>
    /// <param name="builder">What <see cref="AddWorkflowSessions"/> returned.</param>
    /// <param name="create">Creates the store, once.</param>
    /// <param name="configure">Sets options; null for the defaults.</param>
    /// <exception cref="ArgumentNullException"><paramref name="builder"/> or <paramref name="create"/> is null.</exception>
    /// <remarks>
    /// Where the options name no logger factory, they get that of the host; where they name no clock, the host's
    /// <see cref="TimeProvider"/> if it has one. In Development they verify values unless they say otherwise. What is registered as <see cref="IPostConfigureOptions{TOptions}"/> of
    /// <see cref="BufferedSessionStoreOptions"/> applies to the options of every store.
    /// </remarks>
    public static IWorkflowSessionsBuilder AddStore<TOptions>(
        this IWorkflowSessionsBuilder builder,
        Func<IServiceProvider, TOptions, ISessionStoreFactory> create,
        Action<TOptions>? configure = null
    )
        where TOptions : BufferedSessionStoreOptions, new()
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentNullException.ThrowIfNull(create);
        builder.Services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<TOptions>, StoreValidation<TOptions>>());
        OptionsBuilder<TOptions> options = builder.Services.AddOptions<TOptions>().ValidateOnStart();
        if (configure is not null)
        {
            options.Configure(configure);
        }

        options.PostConfigure<IServiceProvider>(
            (store, services) =>
            {
                if (services.GetService<IHostEnvironment>() is { } host)
                {
                    store.UseApplicationName(host.ApplicationName);
                    store.VerifyValues ??= host.IsDevelopment();
                }

                store.LoggerFactory ??= services.GetService<ILoggerFactory>();
                if (store.TimeProvider == TimeProvider.System && services.GetService<TimeProvider>() is { } clock)
                {
                    store.TimeProvider = clock;
                }

                foreach (
                    IPostConfigureOptions<BufferedSessionStoreOptions> any in services.GetServices<
                        IPostConfigureOptions<BufferedSessionStoreOptions>
                    >()
                )
                {
                    any.PostConfigure(Options.Options.DefaultName, store);
                }
            }
        );
        builder.Services.AddSingleton(services => create(services, services.GetRequiredService<IOptions<TOptions>>().Value));
        return builder;
    }

    private sealed class Builder(IServiceCollection services) : IWorkflowSessionsBuilder
    {
        public IServiceCollection Services => services;
    }

    /// <summary>Counts the stores at start. It is options and their validation in one, because that is what a host looks at when it starts.</summary>
    private sealed class StoreRegistration : IValidateOptions<StoreRegistration>
    {
        private readonly IServiceCollection? _services;

        public StoreRegistration() { }

        public StoreRegistration(IServiceCollection services) => _services = services;

        public ValidateOptionsResult Validate(string? name, StoreRegistration options)
        {
            const string Calls = "AddWorkflowSessions().AddInMemoryStore(), .AddRedisStore(…) or .AddDistributedCacheStore()";
            int stores = _services!.Count(service => service.ServiceType == typeof(ISessionStoreFactory));
            return stores switch
            {
                1 => ValidateOptionsResult.Success,
                0 => ValidateOptionsResult.Fail($"WorkflowSessions has no store. Call one of {Calls}."),
                _ => ValidateOptionsResult.Fail(
                    $"WorkflowSessions has {stores} stores, and would not know where a session is. Call only one of {Calls}."
                ),
            };
        }
    }

    private sealed class StoreValidation<TOptions> : IValidateOptions<TOptions>
        where TOptions : BufferedSessionStoreOptions
    {
        public ValidateOptionsResult Validate(string? name, TOptions options)
        {
            try
            {
                options.ThrowIfInvalid();
                return ValidateOptionsResult.Success;
            }
            catch (ArgumentException error)
            {
                return ValidateOptionsResult.Fail(error.Message);
            }
        }
    }
}
