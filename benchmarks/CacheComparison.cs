using System.Diagnostics;
using System.Globalization;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Session;
using Microsoft.Extensions.Caching.Distributed;
using Microsoft.Extensions.Caching.Memory;
using Microsoft.Extensions.Caching.StackExchangeRedis;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using WorkflowSessions.Contracts;
using WorkflowSessions.DistributedCache;

namespace WorkflowSessions.Benchmarks;

/// <summary>A read and write of one key, one in flight: workflows in a distributed cache, and ASP.NET Core's session on the same cache.</summary>
internal static class CacheComparison
{
    private const int Rounds = 3;
    private const int Sessions = 100;
    private static readonly TimeSpan Round = TimeSpan.FromSeconds(0.7);
    private static readonly string Value = new('x', 60);

    public static async Task RunAsync()
    {
        using RedisServer server = await RedisServer.StartAsync();
        Console.WriteLine(
            "| cache | session | ASP.NET Core Session /s | WorkflowSessions /s | ratio | allocated by session | by WorkflowSessions |"
        );
        Console.WriteLine("|---|---|---:|---:|---:|---:|---:|");
        foreach (string name in new[] { "in memory", "Microsoft's on Redis" })
        {
            foreach (
                (string session, int like, int elsewhere) in new[]
                {
                    ("0.3 KB", 0, 0),
                    ("3 KB in three workflows", 2, 0),
                    ("400 KB in others", 0, 400_000),
                }
            )
            {
                using IDisposable closes = Open(name, server.Address, out IDistributedCache cache);
                DistributedSessionStore peer = new(cache, NullLoggerFactory.Instance);
                DistributedCacheSessionStoreFactory ours = new(cache);
                int entries = like == 0 ? 5 : 16;
                await FillAsync(peer, ours, entries, like, elsewhere);
                (double peerRate, long peerBytes) = (0, 0);
                (double rate, long bytes) = (0, 0);
                for (int round = 0; round <= Rounds; round++)
                {
                    (double one, peerBytes) = await RateAsync(i => WriteAsync(Peer(peer, i)));
                    (double other, bytes) = await RateAsync(i => WriteAsync(ours, i));
                    // The first round warms up.
                    peerRate = round == 0 ? 0 : Math.Max(peerRate, one);
                    rate = round == 0 ? 0 : Math.Max(rate, other);
                }

                Console.WriteLine(
                    string.Create(
                        CultureInfo.InvariantCulture,
                        $"| {name} | {session} | {peerRate:N0} | {rate:N0} | {rate / peerRate:0.00} | {peerBytes:N0} B | {bytes:N0} B |"
                    )
                );
            }
        }
    }

    private static IDisposable Open(string name, string address, out IDistributedCache cache)
    {
        if (name == "in memory")
        {
            cache = new MemoryDistributedCache(Options.Create(new MemoryDistributedCacheOptions { SizeLimit = null }));
            return new MemoryStream();
        }

        RedisCache redis = new(new RedisCacheOptions { Configuration = address, InstanceName = $"{Guid.NewGuid():N}:" });
        cache = redis;
        return redis;
    }

    private static async Task FillAsync(
        DistributedSessionStore peer,
        DistributedCacheSessionStoreFactory ours,
        int entries,
        int like,
        int elsewhere
    )
    {
        for (int i = 0; i < Sessions; i++)
        {
            ISession session = Peer(peer, i);
            await session.LoadAsync();
            for (int workflow = 0; workflow <= like; workflow++)
            {
                WorkflowSession filled = new(ours.Open(Name(i)), workflow == 0 ? "checkout" : $"like{workflow}");
                await filled.LoadAsync();
                for (int entry = 0; entry < entries; entry++)
                {
                    filled.Set($"field{entry}", Value);
                    session.SetString($"{filled.Id}_field{entry}", Value);
                }

                await filled.CommitAsync();
            }

            WorkflowSession other = new(ours.Open(Name(i)), "other");
            await other.LoadAsync();
            for (int rest = elsewhere; rest > 0; rest -= 50_000)
            {
                other.Set($"large{rest}", new string('x', 50_000));
                session.SetString($"other_large{rest}", new string('x', 50_000));
            }

            await other.CommitAsync();
            await session.CommitAsync();
        }
    }

    private static async Task<(double Rate, long Bytes)> RateAsync(Func<int, Task> action)
    {
        int done = 0;
        long before = GC.GetTotalAllocatedBytes();
        long start = Stopwatch.GetTimestamp();
        for (; Stopwatch.GetElapsedTime(start) < Round; done++)
        {
            await action(done % Sessions);
        }

        return (done / Stopwatch.GetElapsedTime(start).TotalSeconds, (GC.GetTotalAllocatedBytes() - before) / done);
    }

    private static async Task WriteAsync(ISession session)
    {
        await session.LoadAsync();
        session.SetString("checkout_field1", Value);
        await session.CommitAsync();
    }

    private static async Task WriteAsync(DistributedCacheSessionStoreFactory sessions, int i)
    {
        WorkflowSession workflow = new(sessions.Open(Name(i)), "checkout");
        await workflow.LoadAsync();
        workflow.Set("field1", Value);
        await workflow.CommitAsync();
    }

    private static ISession Peer(DistributedSessionStore peer, int i) =>
        peer.Create(Name(i), TimeSpan.FromMinutes(20), Timeout.InfiniteTimeSpan, () => true, isNewSessionKey: false);

    private static string Name(int i) => $"session{i}";
}
