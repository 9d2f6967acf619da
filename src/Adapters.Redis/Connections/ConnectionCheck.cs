using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using StackExchange.Redis;

namespace WorkflowSessions.Redis;

/// <summary>Checks at start, with the options, that the application has registered a connection.</summary>
internal sealed class ConnectionCheck(IServiceProvider services, object? serviceKey) : IValidateOptions<RedisSessionStoreOptions>
{
    public ValidateOptionsResult Validate(string? name, RedisSessionStoreOptions options)
    {
        // It is not resolved, because that may connect, and block the start.
        // A container that can't tell fails at the first request instead.
        bool isThere = serviceKey is null
            ? services.GetService<IServiceProviderIsService>()?.IsService(typeof(IConnectionMultiplexer)) != false
            : services.GetService<IServiceProviderIsKeyedService>()?.IsKeyedService(typeof(IConnectionMultiplexer), serviceKey) != false;
        return isThere ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(Missing(serviceKey));
    }

    public static string Missing(object? serviceKey) =>
        serviceKey is null
            ? "AddRedisStore() found no IConnectionMultiplexer among the services. Register one, call AddRedisStore(\"host:6379\"), "
                + "or name a keyed one by the parameter serviceKey of AddKeyedRedisStore(serviceKey)."
            : $"AddKeyedRedisStore(serviceKey) found no IConnectionMultiplexer with the key '{serviceKey}' among the services. "
                + "Register one with AddKeyedSingleton<IConnectionMultiplexer>(serviceKey, …), or pass the key of a registered one.";
}
