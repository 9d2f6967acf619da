using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.TestHost;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;

namespace WorkflowSessions.AspNetCore.Tests;

/// <summary>The store of an application is replaced in its integration tests.</summary>
public sealed class ReplaceSessionStoreTests
{
    private static readonly Action<IWorkflowSessionsBuilder>[] Stores =
    [
        builder => builder.AddInMemoryStore(options => options.MaxEntries = 0),
        builder => builder.AddRedisStore("host:not-a-port"),
        builder => builder.AddRedisStore(),
        builder => builder.AddKeyedRedisStore("sessions"),
        builder => builder.AddRedisStore("localhost:6379", _ => throw new InvalidOperationException("A setting is missing.")),
        builder => builder.AddDistributedCacheStore(),
    ];

    [TestCaseSource(nameof(Stores))]
    public async Task Host_starts_without_the_replaced_store_and_its_checks(Action<IWorkflowSessionsBuilder> add)
    {
        WebApplicationBuilder builder = Builder(add);
        builder.Services.ReplaceSessionStore();
        await using WebApplication application = builder.Build();
        await application.StartAsync();
        Assert.That(application.Services.GetServices<ISessionStoreFactory>().Single(), Is.TypeOf<InMemorySessionStoreFactory>());
    }

    [TestCaseSource(nameof(Stores))]
    public async Task Host_does_not_start_with_the_store_of_this_test(Action<IWorkflowSessionsBuilder> add)
    {
        await using WebApplication application = Builder(add).Build();
        Assert.That(async () => await application.StartAsync(), Throws.Exception);
    }

    [Test]
    public async Task Given_store_is_used_and_stays_the_callers()
    {
        StoreOfTest store = new();
        WebApplicationBuilder builder = Builder(Stores[1]);
        builder.Services.ReplaceSessionStore(store);
        await using WebApplication application = builder.Build();
        await application.StartAsync();
        Assert.That(application.Services.GetRequiredService<ISessionStoreFactory>(), Is.SameAs(store));
    }

    [Test]
    public async Task Options_and_clock_of_the_test_apply()
    {
        FakeTimeProvider clock = new();
        WebApplicationBuilder builder = Builder(Stores[1]);
        builder.Services.AddSingleton<TimeProvider>(clock).ReplaceSessionStore(options => options.IdleTimeout = TimeSpan.FromMinutes(1));
        await using WebApplication application = builder.Build();
        await application.StartAsync();
        ISessionStoreFactory store = application.Services.GetRequiredService<ISessionStoreFactory>();
        await new WorkflowSession(store.Open("session"), "checkout").UpdateAsync(checkout => checkout.Set("step", 1));
        clock.Advance(TimeSpan.FromMinutes(2));
        Assert.That(await store.Open("session").ListAsync(), Is.Empty);
    }

    [Test]
    public void Missing_store_is_named()
    {
        Assert.That(
            () => new ServiceCollection().ReplaceSessionStore(),
            Throws.InvalidOperationException.With.Message.Contains("ConfigureTestServices()")
        );
    }

    private static WebApplicationBuilder Builder(Action<IWorkflowSessionsBuilder> add)
    {
        WebApplicationBuilder builder = WebApplication.CreateBuilder();
        builder.WebHost.UseTestServer();
        add(builder.Services.AddWorkflowSessions());
        return builder;
    }
}
