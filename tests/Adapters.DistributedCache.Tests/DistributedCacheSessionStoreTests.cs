using System.Collections.Concurrent;
using Microsoft.Extensions.Caching.Distributed;
using Microsoft.Extensions.Caching.Memory;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace WorkflowSessions.DistributedCache.Tests;

/// <summary>What is particular to caches: the payload, the expiry they are told, what they promise, and the registration.</summary>
public sealed class DistributedCacheSessionStoreTests
{
    [Test]
    public async Task Payload_is_that_of_the_golden_file()
    {
        await using CacheHarness harness = new();
        byte[] golden = Convert.FromHexString(Golden());
        await harness.Cache.SetAsync(harness.Key("checkout"), golden, new DistributedCacheEntryOptions());
        WorkflowSession workflow = new(harness.Open("alice"), "checkout");
        await workflow.LoadAsync();
        Assert.That(workflow.GetAll(), Is.EquivalentTo(new Dictionary<string, object?> { ["step"] = 2, ["names"] = "Ada" }));
        Assert.That(workflow.LastModified, Is.EqualTo(DateTimeOffset.FromUnixTimeMilliseconds(1767323045000)));
        Assert.That(WorkflowPayload.Write(WorkflowPayload.Read(golden)), Is.EqualTo(golden));
    }

    [Test]
    public async Task Cache_is_told_both_timeouts()
    {
        ConcurrentQueue<DistributedCacheEntryOptions> told = new();
        await using CacheHarness harness = new(
            inner => new ListeningCache(inner, told),
            options =>
            {
                options.IdleTimeout = TimeSpan.FromMinutes(5);
                options.AbsoluteTimeout = TimeSpan.FromHours(1);
                options.Workflow("import", workflow => workflow.IdleTimeout = null);
            }
        );
        DateTimeOffset begun = harness.Clock.GetUtcNow();
        foreach (string id in new[] { "checkout", "import", "checkout" })
        {
            WorkflowSession workflow = new(harness.Open("alice"), id);
            await workflow.LoadAsync();
            workflow.Set("x", 1);
            await workflow.CommitAsync();
            await harness.PassAsync(TimeSpan.FromMinutes(2));
        }

        Assert.That(
            told.Select(options => options.SlidingExpiration),
            Is.EqualTo(new TimeSpan?[] { TimeSpan.FromMinutes(5), null, TimeSpan.FromMinutes(5) })
        );
        Assert.That(
            told.Select(options => options.AbsoluteExpiration),
            Is.EqualTo(new[] { begun.AddHours(1), begun.AddMinutes(62), begun.AddHours(1) })
        );
    }

    [Test]
    public async Task Updates_of_one_process_are_all_counted_where_they_are_allowed()
    {
        await using CacheHarness harness = new(configure: options =>
        {
            options.AllowBestEffortUpdates = true;
            options.TimeProvider = TimeProvider.System;
            options.UpdateTimeout = TimeSpan.FromMinutes(1);
        });
        await Task.WhenAll(
            Enumerable
                .Range(0, 16)
                .Select(_ =>
                    Task.Run(async () =>
                    {
                        for (int i = 0; i < 50; i++)
                        {
                            await new WorkflowSession(harness.Open("alice"), "counter").UpdateAsync(w => w.Set("n", w.Get("n", 0) + 1));
                        }
                    })
                )
        );
        WorkflowSession counter = new(harness.Open("alice"), "counter");
        await counter.LoadAsync();
        Assert.That(counter.Get<int>("n"), Is.EqualTo(800));
        Assert.That(harness.Open("alice").Capabilities.VersionCheck, Is.False, "it is not promised all the same");
    }

    [Test]
    public async Task Store_is_registered_on_the_cache_of_the_application()
    {
        HostApplicationBuilder builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.Services.AddDistributedMemoryCache();
        builder.Services.AddWorkflowSessions().AddDistributedCacheStore(options => options.KeyPrefix = "shop:");
        using IHost host = builder.Build();
        await host.StartAsync();
        WorkflowSession workflow = new(host.Services.GetRequiredService<ISessionStoreFactory>().Open("alice"), "checkout");
        await workflow.LoadAsync();
        workflow.Set("step", 2);
        await workflow.CommitAsync();
        string key = new CacheHarness().Key("checkout");
        key = $"shop:{key[(key.IndexOf(':', StringComparison.Ordinal) + 1)..]}";
        Assert.That(await host.Services.GetRequiredService<IDistributedCache>().GetAsync(key), Is.Not.Null);
        await host.StopAsync();
    }

    [Test]
    public void Missing_cache_keeps_the_application_from_starting()
    {
        HostApplicationBuilder builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.Services.AddWorkflowSessions().AddDistributedCacheStore();
        using IHost host = builder.Build();
        Assert.That(
            async () => await host.StartAsync(),
            Throws
                .InstanceOf<OptionsValidationException>()
                .With.Message.Contains("IDistributedCache")
                .And.Message.Contains("AddStackExchangeRedisCache")
        );
    }

    [Test]
    public void Bad_options_are_refused()
    {
        IDistributedCache distributed = new MemoryDistributedCache(Options.Create(new MemoryDistributedCacheOptions()));
        Assert.That(() => new DistributedCacheSessionStoreFactory(null!), Throws.ArgumentNullException);
        Assert.That(
            () => new DistributedCacheSessionStoreFactory(distributed, new DistributedCacheSessionStoreOptions { IdleTimeout = null }),
            Throws.ArgumentException.With.Message.Contains("IdleTimeout")
        );
        Assert.That(
            () =>
                new DistributedCacheSessionStoreFactory(
                    distributed,
                    new DistributedCacheSessionStoreOptions { CommandTimeout = TimeSpan.Zero }
                ),
            Throws.ArgumentException.With.Message.Contains("CommandTimeout")
        );
    }

    private static string Golden() =>
        File.ReadAllText(Path.Combine(TestContext.CurrentContext.TestDirectory, "Golden", "workflow-v1.hex"))
            .ReplaceLineEndings("")
            .Replace(" ", "", StringComparison.Ordinal);

    private sealed class ListeningCache(IDistributedCache inner, ConcurrentQueue<DistributedCacheEntryOptions> told) : IDistributedCache
    {
        public Task<byte[]?> GetAsync(string key, CancellationToken token = default) => inner.GetAsync(key, token);

        public Task SetAsync(string key, byte[] value, DistributedCacheEntryOptions options, CancellationToken token = default)
        {
            told.Enqueue(options);
            return inner.SetAsync(key, value, options, token);
        }

        public Task RemoveAsync(string key, CancellationToken token = default) => inner.RemoveAsync(key, token);

        public Task RefreshAsync(string key, CancellationToken token = default) => inner.RefreshAsync(key, token);

        public byte[]? Get(string key) => throw new NotSupportedException("It would block.");

        public void Refresh(string key) => throw new NotSupportedException("It would block.");

        public void Remove(string key) => throw new NotSupportedException("It would block.");

        public void Set(string key, byte[] value, DistributedCacheEntryOptions options) =>
            throw new NotSupportedException("It would block.");
    }
}
