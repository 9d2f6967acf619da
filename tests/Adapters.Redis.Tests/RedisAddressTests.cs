using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using StackExchange.Redis;

namespace WorkflowSessions.Redis.Tests;

/// <summary>The addresses that are understood, and those that keep the application from starting.</summary>
public sealed class RedisAddressTests
{
    private const string Secret = "hunter2";

    [TestCase("redis://redis.example", "redis.example:6379", null, null, null, false)]
    [TestCase("redis://redis_cache:6380/", "redis_cache:6380", null, null, null, false)]
    [TestCase("REDISS://:p%40ss%2Cw%3Aord@redis.example:6380/3", "redis.example:6380", null, "p@ss,w:ord", 3, true)]
    [TestCase("rediss://sh%C3%B6p:a:b@127.0.0.1", "127.0.0.1:6379", "shöp", "a:b", null, true)]
    [TestCase("redis://shop@[::1]:7000/0", "[::1]:7000", "shop", null, 0, false)]
    public void Uri_is_understood(string address, string server, string? user, string? password, int? database, bool tls)
    {
        ConfigurationOptions options = RedisAddress.Parse(address);
        Assert.That(options.EndPoints.Select(endPoint => EndPointCollection.ToString(endPoint)), Is.EqualTo(new[] { server }));
        Assert.That(options.User, Is.EqualTo(user));
        Assert.That(options.Password, Is.EqualTo(password));
        Assert.That(options.DefaultDatabase, Is.EqualTo(database));
        Assert.That(options.Ssl, Is.EqualTo(tls));
    }

    [TestCase("redis1:6379,redis2,10.0.0.1:6380,[::1]:6379,connectTimeout=1000,ssl=true,user=shop,password=a=b")]
    [TestCase("redis.example,tunnel=http://proxy:8080")]
    public void Configuration_of_the_client_is_understood(string address) =>
        Assert.That(RedisAddress.Parse(address).ToString(), Is.EqualTo(ConfigurationOptions.Parse(address).ToString()));

    [TestCase(" ", "names no server")]
    [TestCase(",", "names no server")]
    [TestCase("ssl=true", "names no server")]
    [TestCase(":6379", "host:port")]
    [TestCase("redis.example:", "host:port")]
    [TestCase("redis.example:abc", "host:port")]
    [TestCase("redis.example:0", "host:port")]
    [TestCase("redis.example:65536", "host:port")]
    [TestCase("my redis:6379", "host:port")]
    [TestCase("redis.example,conectTimeout=1000", "'conectTimeout' in the address is unknown")]
    [TestCase("redis.example,ssl=perhaps", "'ssl' in the address has a value that can't be read")]
    [TestCase($"redis.example,password=a,{Secret}=b", "%2C")]
    [TestCase($"redis.example,password=a,{Secret}:b", "%2C")]
    [TestCase("http://redis.example", "redis://")]
    [TestCase("redis://", "no host")]
    [TestCase($"redis://:{Secret}@", "no host")]
    [TestCase($"redis://:{Secret}@:6379", "no host")]
    [TestCase($"redis://:{Secret}@host:port", "port")]
    [TestCase($"redis://:{Secret}@host:", "port")]
    [TestCase($"redis://:{Secret}@host:65536", "port")]
    [TestCase($"redis://:{Secret}/x@host", "Percent-encode")]
    [TestCase($"redis://:{Secret}@host/one", "database")]
    [TestCase($"redis://:{Secret}@host/-1", "database")]
    [TestCase($"redis://:{Secret}@host/0?ssl=true", "database")]
    [TestCase($"redis://:{Secret}%@host", "%25")]
    [TestCase($"redis://:{Secret}%zz@host", "%25")]
    [TestCase($"redis://:{Secret}%FF@host", "UTF-8")]
    [TestCase($"redis://a%2Cb:{Secret}@host", "comma")]
    public async Task Unreadable_address_keeps_the_application_from_starting(string address, string expected)
    {
        using IHost host = Build(services => services.AddWorkflowSessions().AddRedisStore(address));
        OptionsValidationException? error = await Assert.ThrowsAsync<OptionsValidationException>(async () => await host.StartAsync());
        Assert.That(error!.Message, Does.Contain("AddRedisStore").And.Contain(expected).And.Contain("Use \"host:6379"));
        Assert.That(error.ToString(), Does.Not.Contain(Secret));
    }

    [Test]
    public void Missing_connection_keeps_the_application_from_starting()
    {
        using IHost none = Build(services => services.AddWorkflowSessions().AddRedisStore());
        using IHost keyed = Build(services =>
            services
                .AddKeyedSingleton<IConnectionMultiplexer>("sessions", (_, _) => RedisHarness.Connection)
                .AddWorkflowSessions()
                .AddRedisStore()
        );
        using IHost otherKey = Build(services =>
            services
                .AddKeyedSingleton<IConnectionMultiplexer>("sessions", (_, _) => RedisHarness.Connection)
                .AddWorkflowSessions()
                .AddKeyedRedisStore("carts")
        );
        Assert.That(
            async () => await none.StartAsync(),
            Throws.InstanceOf<OptionsValidationException>().With.Message.Contains("AddRedisStore(\"host:6379\")")
        );
        Assert.That(
            async () => await keyed.StartAsync(),
            Throws.InstanceOf<OptionsValidationException>().With.Message.Contains("AddKeyedRedisStore(serviceKey)")
        );
        Assert.That(
            async () => await otherKey.StartAsync(),
            Throws.InstanceOf<OptionsValidationException>().With.Message.Contains("'carts'")
        );
    }

    [Test]
    public async Task Keyed_connection_is_used_and_stays_open()
    {
        string prefix = $"test-{Guid.NewGuid():N}:";
        using (
            IHost host = Build(services =>
                services
                    .AddKeyedSingleton<IConnectionMultiplexer>("sessions", RedisHarness.Connection)
                    .AddWorkflowSessions()
                    .AddKeyedRedisStore("sessions", options => options.KeyPrefix = prefix)
            )
        )
        {
            await host.StartAsync();
            BufferedSessionStore session = host.Services.GetRequiredService<ISessionStoreFactory>().Open("alice");
            await new WorkflowSession(session, "checkout").UpdateAsync(workflow => workflow.Set("x", 1));
            await session.EndAsync();
        }

        Assert.That(await RedisHarness.Database.PingAsync(), Is.GreaterThan(TimeSpan.Zero));
    }

    private static IHost Build(Action<IServiceCollection> configure)
    {
        HostApplicationBuilder builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        configure(builder.Services);
        return builder.Build();
    }
}
