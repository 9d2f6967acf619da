using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Options;

namespace WorkflowSessions.AspNetCore.Tests;

/// <summary>What the health check reports.</summary>
public sealed class HealthCheckTests
{
    [Test]
    public async Task Check_has_the_usual_parameters()
    {
        StoreOfTest store = new() { Before = _ => throw new IOException("down") };
        await using ServiceProvider services = Services(
            store,
            checks => checks.AddWorkflowSessions("sessions", HealthStatus.Degraded, ["ready"], TimeSpan.FromSeconds(3))
        );
        HealthCheckRegistration registration = services
            .GetRequiredService<IOptions<HealthCheckServiceOptions>>()
            .Value.Registrations.Single();
        Assert.That(registration.Tags, Is.EqualTo(new[] { "ready" }));
        Assert.That(registration.Timeout, Is.EqualTo(TimeSpan.FromSeconds(3)));
        HealthReport report = await services.GetRequiredService<HealthCheckService>().CheckHealthAsync();
        Assert.That(report.Entries["sessions"].Status, Is.EqualTo(HealthStatus.Degraded));
    }

    [TestCase(1)]
    [TestCase(2)]
    public async Task Store_in_memory_is_healthy_and_no_place_in_it_is_taken(int maxSessions)
    {
        InMemorySessionStoreFactory store = new(new InMemorySessionStoreOptions { MaxSessions = maxSessions });
        await BeginAsync("first");
        await using ServiceProvider services = Services(store, checks => checks.AddWorkflowSessions());
        HealthCheckService health = services.GetRequiredService<HealthCheckService>();
        for (int i = 0; i < 3; i++)
        {
            Assert.That((await health.CheckHealthAsync()).Status, Is.EqualTo(HealthStatus.Healthy));
        }

        if (maxSessions > 1)
        {
            await BeginAsync("second");
            Assert.That((await health.CheckHealthAsync()).Status, Is.EqualTo(HealthStatus.Healthy));
        }

        await Assert.ThrowsAsync<SessionStoreException>(async () => await BeginAsync("one too many"));

        async Task BeginAsync(string session) =>
            await new WorkflowSession(store.Open(session), "checkout").UpdateAsync(checkout => checkout.Set("step", 1));
    }

    private static ServiceProvider Services(ISessionStoreFactory store, Action<IHealthChecksBuilder> add)
    {
        ServiceCollection services = new();
        services.AddLogging().AddSingleton(store);
        add(services.AddHealthChecks());
        return services.BuildServiceProvider();
    }
}
