using System.Diagnostics;
using StackExchange.Redis;
using WorkflowSessions.Contracts;

namespace WorkflowSessions.Redis.Tests;

/// <summary>An application that blocks the threads of its pool. Nothing else runs meanwhile, because all tests of this process have the same.</summary>
[NonParallelizable]
public sealed class ThreadPoolFaultTests
{
    [TestCase(500)]
    [TestCase(60_000)]
    public async Task Commits_of_an_application_that_blocks_its_threads_come_to_a_truthful_end(int commandTimeout)
    {
        using RedisServer server = await RedisServer.StartAsync();
        await using ConnectionMultiplexer connection = await ConnectionMultiplexer.ConnectAsync(
            $"{server.Address},abortConnect=false,connectTimeout=1000,asyncTimeout=60000"
        );
        RedisSessionStoreFactory sessions = new(
            connection,
            new RedisSessionStoreOptions
            {
                CommandTimeout = TimeSpan.FromMilliseconds(commandTimeout),
                UpdateTimeout = TimeSpan.FromMinutes(2),
            }
        );
        await using Traffic traffic = await Traffic.StartAsync(sessions);
        using ManualResetEventSlim free = new();
        // A thread of its own ends it, because the pool has none.
        Thread releasing = new(() =>
        {
            using ManualResetEventSlim never = new();
            never.Wait(TimeSpan.FromSeconds(4));
            free.Set();
        });
        long begun = Stopwatch.GetTimestamp();
        releasing.Start();
        Task[] blocked = [.. Enumerable.Range(0, 500).Select(_ => Task.Run(free.Wait))];
        await Task.WhenAll(blocked);
        long released = Stopwatch.GetTimestamp();
        TimeSpan back = await traffic.BackAsync();
        await traffic.MoreAsync(500);
        TimeSpan longest = traffic
            .Acknowledged.Concat(traffic.Unknown)
            .Concat(traffic.Refused)
            .Where(attempt => attempt.Ended > begun)
            .Max(attempt => attempt.Took);
        int meanwhile = traffic.Acknowledged.Count(attempt => attempt.Ended > begun && attempt.Ended < released);
        await traffic.EndAsync(
            $"Threads blocked for {Stopwatch.GetElapsedTime(begun, released).TotalSeconds:0.0} s, {meanwhile} commits meanwhile, CommandTimeout {commandTimeout} ms, "
                + $"the longest load and commit {longest.TotalSeconds:0.0} s, back after {back.TotalSeconds:0.0} s."
        );
        if (commandTimeout > 10_000)
        {
            Assert.That(traffic.Refused.Concat(traffic.Unknown), Is.Empty);
        }
    }
}
