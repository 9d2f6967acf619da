using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using StackExchange.Redis;
using WorkflowSessions.Contracts;

namespace WorkflowSessions.Redis.Tests;

/// <summary>The layout, the expiry by the server's clock, and the registration.</summary>
public sealed class RedisSessionStoreTests
{
    [Test]
    public async Task Layout_is_the_documented_one()
    {
        await using RedisHarness harness = new();
        WorkflowSession workflow = new(harness.Open("alice"), "checkout");
        await workflow.LoadAsync();
        workflow.Set("step", 2);
        workflow.Set("#", "an entry");
        await workflow.CommitAsync();
        // The root is the beginning of SHA-256("alice"), 2bd806c97f0e00af1a1fc3328fa763a9..., in base64url.
        string root = $"{harness.Prefix}v2:{{K9gGyX8OAK8aH8Myj6djqQ}}";
        Assert.That(harness.Keys(), Is.EqualTo(new[] { root, $"{root}:checkout" }));
        HashEntry[] fields = await RedisHarness.Database.HashGetAllAsync($"{root}:checkout");
        Dictionary<string, string> stored = fields.ToDictionary(
            field => (string)field.Name!,
            field => (string)field.Value!,
            StringComparer.Ordinal
        );
        string node = stored.Keys.Single(field => field[0] == '@');
        Assert.That(node, Does.Match("^@[a-z0-9]{6}$"));
        Assert.That(stored.Keys, Is.EquivalentTo(new[] { "#", node, ".step", ".#" }));
        Assert.That(stored[".step"], Is.EqualTo("i2"));
        Assert.That(stored[".#"], Is.EqualTo("tan entry"));
        Assert.That(stored["#"], Does.Match($@"^a [1-9]\d* 1 {harness.Clock.GetUtcNow().ToUnixTimeMilliseconds()} [1-9]\d{{12}} 0$"));
        Assert.That(stored[node], Does.Match($@"^1 1 {stored["#"].Split(' ')[1]} [1-9]\d{{12}}$"));
        Assert.That(await RedisHarness.Database.SortedSetRangeByRankAsync(root), Is.EqualTo(new RedisValue[] { "checkout" }));

        await harness.Open("alice").EndAsync();
        Assert.That(harness.Keys(), Is.EqualTo(new[] { $"{root}:checkout" }));
        fields = await RedisHarness.Database.HashGetAllAsync($"{root}:checkout");
        stored = fields.ToDictionary(field => (string)field.Name!, field => (string)field.Value!, StringComparer.Ordinal);
        Assert.That(stored.Keys, Is.EquivalentTo(new[] { "#", node }));
        Assert.That(stored["#"], Does.Match(@"^e [1-9]\d* 1 \d+ 0 0$"));
        Assert.That(
            await RedisHarness.Database.KeyTimeToLiveAsync($"{root}:checkout"),
            Is.GreaterThan(TimeSpan.Zero).And.LessThanOrEqualTo(TimeSpan.FromMinutes(2))
        );
    }

    [Test]
    public async Task Workflow_of_the_golden_file_is_read_and_committed_to()
    {
        await using RedisHarness harness = new();
        RedisKey key = await StoreGoldenAsync(harness, "workflow-v2.txt");
        WorkflowSession workflow = new(harness.Open("alice"), "checkout");
        await workflow.LoadAsync();
        Assert.That(workflow.GetAll(), Is.EquivalentTo(new Dictionary<string, object?> { ["step"] = 2, ["name"] = "Ann" }));
        Assert.That(workflow.LastModified, Is.EqualTo(DateTimeOffset.FromUnixTimeMilliseconds(1_767_323_045_000)));
        workflow.Set("step", 3);
        await workflow.CommitAsync();
        string metadata = (await RedisHarness.Database.HashGetAsync(key, "#"))!;
        Assert.That(metadata, Does.Match(@"^a 471123456789 4 \d{13} \d{13} 0$"));
    }

    [Test]
    public async Task Tombstone_of_the_golden_file_is_absent_and_keeps_its_numbers_when_the_workflow_begins_anew()
    {
        await using RedisHarness harness = new();
        RedisKey key = await StoreGoldenAsync(harness, "tombstone-v2.txt");
        WorkflowSession workflow = new(harness.Open("alice"), "checkout");
        await workflow.LoadAsync();
        Assert.That(workflow.LastModified, Is.Null);
        workflow.Set("step", 1);
        await workflow.CommitAsync();
        string metadata = (await RedisHarness.Database.HashGetAsync(key, "#"))!;
        Assert.That(metadata, Does.Match(@"^a \d+ 1 \d{13} \d{13} 0$"));
        Assert.That(await RedisHarness.Database.HashGetAsync(key, "@k3x09b"), Is.EqualTo((RedisValue)"18 2 0 4102444800000"));
    }

    [Test]
    public async Task Claimed_workflow_of_the_golden_file_is_read_and_its_claim_has_run_out()
    {
        await using RedisHarness harness = new();
        RedisKey key = await StoreGoldenAsync(harness, "claimed-v2.txt");
        WorkflowSession workflow = new(harness.Open("alice"), "checkout");
        await workflow.LoadAsync();
        Assert.That(workflow.GetAll(), Is.EquivalentTo(new Dictionary<string, object?> { ["step"] = 2 }));
        workflow.Set("step", 3);
        await workflow.CommitAsync();
        string metadata = (await RedisHarness.Database.HashGetAsync(key, "#"))!;
        Assert.That(metadata, Does.Match(@"^a 471123456789 5 \d{13} \d{13} 0$"));
        Assert.That(await RedisHarness.Database.HashExistsAsync(key, "!"), Is.False);
    }

    [Test]
    public async Task Completed_workflow_of_the_golden_file_has_its_receipt()
    {
        await using RedisHarness harness = new();
        RedisKey key = await StoreGoldenAsync(harness, "completed-v2.txt");
        WorkflowSession workflow = new(harness.Open("alice"), "checkout");
        await workflow.LoadAsync();
        Assert.That(workflow.GetReceipt<string>(), Is.EqualTo("order 1"));
        workflow.End();
        await workflow.CommitAsync();
        Assert.That(await RedisHarness.Database.HashExistsAsync(key, "!"), Is.False);
    }

    [Test]
    public async Task Stored_values_are_those_of_the_golden_files()
    {
        await using RedisHarness harness = new();
        WorkflowSession workflow = new(harness.Open("alice"), "checkout");
        await workflow.LoadAsync();
        workflow.Set("x", 1);
        await workflow.CommitAsync();
        string[] files = Directory.GetFiles(Path.Combine(TestContext.CurrentContext.TestDirectory, "Payloads", "v1"));
        Assert.That(files, Is.Not.Empty);
        foreach (string file in files)
        {
            byte[] bytes = await File.ReadAllBytesAsync(file);
            string name = Path.GetFileNameWithoutExtension(file);
            await RedisHarness.Database.HashSetAsync(harness.Key("checkout"), $".{name}", bytes);
        }

        await workflow.LoadAsync();
        Dictionary<string, object?> values = workflow.GetAll().ToDictionary(StringComparer.Ordinal);
        Assert.That(values, Has.Count.EqualTo(files.Length + 1));
        workflow.Clear();
        foreach ((string key, object? value) in values)
        {
            workflow.Set(key, value);
        }

        await workflow.CommitAsync();
        // An object is read as a dictionary here. A local time is written with its instant now.
        string[] otherwise = ["object", "datetime-local"];
        foreach (string file in files.Where(file => !otherwise.Contains(Path.GetFileNameWithoutExtension(file))))
        {
            byte[] stored = (byte[])
                (await RedisHarness.Database.HashGetAsync(harness.Key("checkout"), $".{Path.GetFileNameWithoutExtension(file)}"))!;
            Assert.That(stored, Is.EqualTo(await File.ReadAllBytesAsync(file)), file);
        }
    }

    [Test]
    public async Task Workflow_expires_by_the_clock_of_the_server_and_its_key_stays_for_the_window()
    {
        await using RedisHarness harness = new(options => options.IdleTimeout = TimeSpan.FromMilliseconds(100));
        WorkflowSession workflow = new(harness.Open("alice"), "checkout");
        await workflow.LoadAsync();
        workflow.Set("x", 1);
        await workflow.CommitAsync();
        using CancellationTokenSource limit = new(TimeSpan.FromMinutes(1));
        // The list renews nothing.
        while ((await harness.Open("alice").ListAsync(limit.Token)).Count > 0)
        {
            await Task.Delay(5, limit.Token);
        }

        WorkflowSession next = new(harness.Open("alice"), "checkout");
        await next.LoadAsync();
        Assert.That(next.LastModified, Is.Null);
        Assert.That(
            await RedisHarness.Database.KeyTimeToLiveAsync(harness.Key("checkout")),
            Is.GreaterThan(TimeSpan.FromMinutes(1)).And.LessThanOrEqualTo(TimeSpan.FromMinutes(2))
        );
        workflow.Set("x", 2);
        Assert.That(async () => await workflow.CommitAsync(), Throws.InstanceOf<WorkflowConflictException>());
    }

    [Test]
    public async Task Absolute_timeout_is_never_passed_by_loads_or_commits()
    {
        await using RedisHarness harness = new(options => options.AbsoluteTimeout = TimeSpan.FromMinutes(30));
        WorkflowSession workflow = new(harness.Open("alice"), "checkout");
        await workflow.LoadAsync();
        workflow.Set("x", 1);
        await workflow.CommitAsync();
        DateTimeOffset deadline = harness.Clock.GetUtcNow().AddMinutes(30);
        await harness.PassAsync(TimeSpan.FromMinutes(15));
        workflow = new WorkflowSession(harness.Open("alice"), "checkout");
        await workflow.LoadAsync();
        Assert.That(await LeftAsync(harness), Is.EqualTo(TimeSpan.FromMinutes(15)).Within(TimeSpan.FromMinutes(1)));
        workflow.Set("x", 2);
        await workflow.CommitAsync();
        Assert.That(workflow.ExpiresAt, Is.EqualTo(deadline).Within(TimeSpan.FromMinutes(1)));
        Assert.That(await LeftAsync(harness), Is.EqualTo(TimeSpan.FromMinutes(15)).Within(TimeSpan.FromMinutes(1)));
        await harness.PassAsync(TimeSpan.FromMinutes(16));
        await workflow.LoadAsync();
        Assert.That(workflow.LastModified, Is.Null);
    }

    [Test]
    public async Task Commit_of_many_entries_is_stored_whole()
    {
        await using RedisHarness harness = new(options => options.MaxEntries = 20_000);
        WorkflowSession workflow = new(harness.Open("alice"), "checkout");
        await workflow.LoadAsync();
        for (int i = 0; i < 15_000; i++)
        {
            workflow.Set($"key{i}", i);
        }

        await workflow.CommitAsync();
        for (int i = 0; i < 12_000; i++)
        {
            workflow.Delete($"key{i}");
        }

        await workflow.CommitAsync();
        workflow = new WorkflowSession(harness.Open("alice"), "checkout");
        await workflow.LoadAsync();
        Assert.That(workflow.Count, Is.EqualTo(3_000));
        Assert.That(workflow.Get<int>("key12345"), Is.EqualTo(12_345));
    }

    [Test]
    public async Task Connection_of_an_address_ends_with_the_application_and_any_other_stays()
    {
        string address = await RedisServer.SharedAddressAsync();
        using (IHost host = Build(services => services.AddWorkflowSessions().AddRedisStore(address, Configure)))
        {
            await host.StartAsync();
            await UseAsync(host);
            ISessionStoreFactory own = host.Services.GetRequiredService<ISessionStoreFactory>();
            host.Dispose();
            Assert.That(
                async () => await new WorkflowSession(own.Open("registered"), "checkout").LoadAsync(),
                Throws.InstanceOf<SessionStoreException>().With.InnerException.InstanceOf<ObjectDisposedException>()
            );
        }

        using (IHost host = Build(services => services.AddWorkflowSessions().AddRedisStore(RedisHarness.Connection, Configure)))
        {
            await UseAsync(host);
        }

        using (
            IHost host = Build(services =>
                services.AddSingleton<IConnectionMultiplexer>(RedisHarness.Connection).AddWorkflowSessions().AddRedisStore(Configure)
            )
        )
        {
            await UseAsync(host);
        }

        static void Configure(RedisSessionStoreOptions options) => options.KeyPrefix = "test-registration:";
    }

    [Test]
    public void Bad_options_keep_the_application_from_starting()
    {
        AssertRefused(options => options.KeyPrefix = "a{b}", "KeyPrefix");
        AssertRefused(options => options.Database = -2, "Database");
        AssertRefused(options => options.CommandTimeout = TimeSpan.Zero, "CommandTimeout");
        AssertRefused(options => options.IdleTimeout = null, "AbsoluteTimeout");
        AssertRefused(options => options.Workflow("checkout", workflow => workflow.IdleTimeout = null), "'checkout'");

        static void AssertRefused(Action<RedisSessionStoreOptions> configure, string expected)
        {
            using IHost host = Build(services => services.AddWorkflowSessions().AddRedisStore("127.0.0.1:1", configure));
            Assert.That(
                async () => await host.StartAsync(),
                Throws.InstanceOf<OptionsValidationException>().With.Message.Contains(expected)
            );
        }
    }

    private static async Task<RedisKey> StoreGoldenAsync(RedisHarness harness, string file)
    {
        RedisKey key = $"{harness.Prefix}v2:{{K9gGyX8OAK8aH8Myj6djqQ}}:checkout";
        string[] lines = await File.ReadAllLinesAsync(Path.Combine(TestContext.CurrentContext.TestDirectory, "Golden", file));
        await RedisHarness.Database.HashSetAsync(
            key,
            [.. lines.Select(line => line.Split('\t')).Select(field => new HashEntry(field[0], field[1]))]
        );
        await RedisHarness.Database.KeyExpireAsync(key, TimeSpan.FromMinutes(5));
        return key;
    }

    private static async Task<TimeSpan?> LeftAsync(RedisHarness harness) =>
        await RedisHarness.Database.KeyTimeToLiveAsync(harness.Key("checkout"));

    private static async Task UseAsync(IHost host)
    {
        BufferedSessionStore session = host.Services.GetRequiredService<ISessionStoreFactory>().Open($"registered-{Guid.NewGuid():N}");
        WorkflowSession workflow = new(session, "checkout");
        await workflow.UpdateAsync(w => w.Set("x", 1));
        await session.EndAsync();
    }

    private static IHost Build(Action<IServiceCollection> configure)
    {
        HostApplicationBuilder builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        configure(builder.Services);
        return builder.Build();
    }
}
