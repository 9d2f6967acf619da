using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using WorkflowSessions.Contracts;

namespace WorkflowSessions.Tests;

/// <summary>The library in a host: what it registers, and what keeps it from starting.</summary>
public sealed class RegistrationTests
{
    [Test]
    public async Task Application_with_one_store_starts_and_shares_it()
    {
        using IHost host = Build(services => services.AddWorkflowSessions().AddInMemoryStore());
        await host.StartAsync();
        WorkflowSession workflow = new(host.Services.GetRequiredService<ISessionStoreFactory>().Open("alice"), "checkout");
        await workflow.UpdateAsync(w => w.Set("step", 1));
        WorkflowSession next = new(host.Services.GetRequiredService<ISessionStoreFactory>().Open("alice"), "checkout");
        await next.LoadAsync();
        Assert.That(next.Get<int>("step"), Is.EqualTo(1));
        await host.StopAsync();
    }

    [Test]
    public async Task Options_are_set_in_code_and_bound_from_configuration()
    {
        IConfiguration configuration = new ConfigurationBuilder()
            .AddInMemoryCollection(new Dictionary<string, string?> { ["IdleTimeout"] = "00:05:00", ["MaxSessions"] = "10" })
            .Build();
        using IHost host = Build(services =>
        {
            services.Configure<InMemorySessionStoreOptions>(configuration);
            services
                .AddWorkflowSessions()
                .AddInMemoryStore(options => options.Workflow("checkout", w => w.IdleTimeout = TimeSpan.FromHours(1)));
        });
        await host.StartAsync();
        InMemorySessionStoreOptions options = host.Services.GetRequiredService<IOptions<InMemorySessionStoreOptions>>().Value;
        Assert.That(options.IdleTimeout, Is.EqualTo(TimeSpan.FromMinutes(5)));
        Assert.That(options.MaxSessions, Is.EqualTo(10));
        Assert.That(options.Timeouts("checkout").Idle, Is.EqualTo(TimeSpan.FromHours(1)));
        Assert.That(options.Timeouts("other").Idle, Is.EqualTo(TimeSpan.FromMinutes(5)));
    }

    [Test]
    public async Task Clock_and_log_of_the_host_are_used_unless_the_options_name_others()
    {
        Microsoft.Extensions.Time.Testing.FakeTimeProvider clock = new();
        using LogOfTest log = new();
        using IHost host = Build(services =>
        {
            services.AddSingleton<TimeProvider>(clock).AddSingleton<Microsoft.Extensions.Logging.ILoggerFactory>(log);
            services.AddWorkflowSessions().AddInMemoryStore();
        });
        WorkflowSession workflow = new(host.Services.GetRequiredService<ISessionStoreFactory>().Open("alice"), "checkout");
        await workflow.UpdateAsync(w => w.Set("step", 1));
        Assert.That(workflow.LastModified, Is.EqualTo(clock.GetUtcNow()));
        clock.Advance(TimeSpan.FromMinutes(21));
        workflow.Set("step", 2);
        Assert.That(async () => await workflow.CommitAsync(), Throws.InstanceOf<WorkflowConflictException>());
        Assert.That(log.Messages, Has.Count.EqualTo(1));

        Microsoft.Extensions.Time.Testing.FakeTimeProvider other = new();
        using IHost named = Build(services =>
        {
            services.AddSingleton<TimeProvider>(clock);
            services.AddWorkflowSessions().AddInMemoryStore(options => options.TimeProvider = other);
        });
        Assert.That(named.Services.GetRequiredService<IOptions<InMemorySessionStoreOptions>>().Value.TimeProvider, Is.SameAs(other));
    }

    [Test]
    public void Application_without_a_store_does_not_start()
    {
        using IHost host = Build(services => services.AddWorkflowSessions());
        Assert.That(
            async () => await host.StartAsync(),
            Throws.InstanceOf<OptionsValidationException>().With.Message.Contains("no store").And.Message.Contains("AddInMemoryStore()")
        );
    }

    [Test]
    public void Application_with_two_stores_does_not_start()
    {
        using IHost host = Build(services => services.AddWorkflowSessions().AddInMemoryStore().AddInMemoryStore());
        Assert.That(
            async () => await host.StartAsync(),
            Throws.InstanceOf<OptionsValidationException>().With.Message.Contains("2 stores").And.Message.Contains("only one")
        );
    }

    [Test]
    public void Application_with_a_bad_option_does_not_start()
    {
        using IHost host = Build(services => services.AddWorkflowSessions().AddInMemoryStore(options => options.MaxEntries = 0));
        Assert.That(
            async () => await host.StartAsync(),
            Throws.InstanceOf<OptionsValidationException>().With.Message.Contains("MaxEntries")
        );
    }

    [Test]
    public void Null_is_refused()
    {
        Assert.That(() => ((IServiceCollection)null!).AddWorkflowSessions(), Throws.ArgumentNullException);
        Assert.That(() => ((IWorkflowSessionsBuilder)null!).AddInMemoryStore(), Throws.ArgumentNullException);
    }

    private static IHost Build(Action<IServiceCollection> configure)
    {
        HostApplicationBuilder builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        configure(builder.Services);
        return builder.Build();
    }
}
