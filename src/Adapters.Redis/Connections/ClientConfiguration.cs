using StackExchange.Redis;

namespace WorkflowSessions.Redis;

/// <summary>What the configuration of a connection says.</summary>
internal static class ClientConfiguration
{
    /// <summary>The first major version of the client has no such timeout.</summary>
    public static TimeSpan TimeoutOf(ConfigurationOptions configuration) =>
#if REDIS_CLIENT_1
        TimeSpan.MaxValue;
#else
        TimeSpan.FromMilliseconds(configuration.AsyncTimeout);
#endif

    /// <summary>The configuration of a connection; null where it can't be read.</summary>
    public static ConfigurationOptions? Of(IConnectionMultiplexer client)
    {
        try
        {
            return ConfigurationOptions.Parse(client.Configuration, ignoreUnknown: true);
        }
        catch (Exception error) when (error is ArgumentException or FormatException)
        {
            return null;
        }
    }
}
