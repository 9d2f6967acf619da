using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Caching.Distributed;
using Microsoft.Extensions.Caching.Memory;
using Microsoft.Extensions.Options;
using StackExchange.Redis;
using WorkflowSessions.Contracts;

namespace WorkflowSessions.Architecture;

/// <summary>The table of the README that says which store promises what.</summary>
public sealed class CapabilitiesTableTests
{
    [Test]
    public async Task Table_says_what_the_stores_say()
    {
        // Nothing is sent: a store says what it promises before there is a server.
        ConfigurationOptions nowhere = new()
        {
            AbortOnConnectFail = false,
            EndPoints = { "127.0.0.1:1" },
            ConnectTimeout = 1,
            ConnectRetry = 0,
        };
        await using ConnectionMultiplexer connection = await ConnectionMultiplexer.ConnectAsync(nowhere);
        IDistributedCache cache = new MemoryDistributedCache(Options.Create(new MemoryDistributedCacheOptions()));
        (string Name, ISessionStore Store)[] stores =
        [
            ("a dictionary", new DictionarySessionStore(new Dictionary<string, object?>())),
            ("in memory", new InMemorySessionStoreFactory().Open("any")),
            ("Redis", new Redis.RedisSessionStoreFactory(connection).Open("any")),
            ("a distributed cache", new DistributedCache.DistributedCacheSessionStoreFactory(cache).Open("any")),
            ("ASP.NET Core's `ISession`", new AspNetCore.HttpSessionStore(new NoSession())),
        ];
        string[] table =
        [
            "| store | loads and commits | atomic commit | notices other commits | lists workflows | expiry per workflow | keeps a receipt |",
            "|---|---|---|---|---|---|---|",
            .. stores.Select(store =>
                $"| {store.Name} | {Say(store.Store is BufferedSessionStore)} | {Say(store.Store.Capabilities.AtomicCommit)} | {Say(store.Store.Capabilities.VersionCheck)} "
                + $"| {Say(store.Store.Capabilities.Listing)} | {Say(store.Store.Capabilities.ExpiryPerWorkflow)} "
                + $"| {Say(store.Store.Capabilities.Completion)} |"
            ),
        ];
        Assert.That(
            await File.ReadAllTextAsync(Path.Combine(Checkout.Root, "README.md")),
            Does.Contain(string.Join('\n', table)),
            string.Join('\n', table)
        );

        static string Say(bool promised) => promised ? "yes" : "no";
    }

    private sealed class NoSession : ISession
    {
        public bool IsAvailable => false;

        public string Id => "";

        public IEnumerable<string> Keys => [];

        public void Clear() { }

        public Task CommitAsync(CancellationToken cancellationToken = default) => Task.CompletedTask;

        public Task LoadAsync(CancellationToken cancellationToken = default) => Task.CompletedTask;

        public void Remove(string key) { }

        public void Set(string key, byte[] value) { }

        public bool TryGetValue(string key, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out byte[]? value)
        {
            value = null;
            return false;
        }
    }
}
