using System.Collections.Concurrent;
using Microsoft.Extensions.Time.Testing;

namespace WorkflowSessions.Tests;

/// <summary>A store in memory that is full: which sessions it refuses, and how much work that is.</summary>
public sealed class InMemoryLimitTests
{
    private readonly FakeTimeProvider _clock = new();

    [Test]
    public async Task Refusal_examines_no_session_while_none_has_expired()
    {
        InMemorySessionStoreFactory factory = await FullAsync(1_000);
        _clock.Advance(TimeSpan.FromMinutes(19));
        long before = factory.Sessions.Examined;
        for (int i = 0; i < 1_000; i++)
        {
            await AssertRefusedAsync(factory, $"new{i}");
        }

        Assert.That(factory.Sessions.Examined - before, Is.Zero);
    }

    [Test]
    public async Task Refusals_examine_renewed_sessions_once_and_then_none()
    {
        InMemorySessionStoreFactory factory = await FullAsync(1_000);
        _clock.Advance(TimeSpan.FromMinutes(15));
        for (int i = 0; i < 1_000; i++)
        {
            await SetAsync(factory, $"session{i}");
        }

        // All would have expired by now if nobody had used them.
        _clock.Advance(TimeSpan.FromMinutes(15));
        long before = factory.Sessions.Examined;
        for (int i = 0; i < 1_000; i++)
        {
            await AssertRefusedAsync(factory, $"new{i}");
        }

        Assert.That(factory.Sessions.Examined - before, Is.LessThanOrEqualTo(1_000));
    }

    [Test]
    public async Task Session_that_takes_the_place_of_an_expired_one_examines_no_live_one()
    {
        // One session expires each second.
        InMemorySessionStoreFactory factory = Create(600);
        for (int i = 0; i < 600; i++)
        {
            await SetAsync(factory, $"session{i}");
            _clock.Advance(TimeSpan.FromSeconds(1));
        }

        _clock.Advance(TimeSpan.FromMinutes(10) - TimeSpan.FromSeconds(1));
        long before = factory.Sessions.Examined;
        for (int i = 0; i < 600; i++)
        {
            await AssertRefusedAsync(factory, $"new{i}");
            _clock.Advance(TimeSpan.FromSeconds(1));
            await SetAsync(factory, $"new{i}");
        }

        Assert.That(factory.Sessions.Examined - before, Is.EqualTo(600));
        Assert.That(factory.Sessions.Count, Is.EqualTo(600));
    }

    [Test]
    public async Task Session_is_never_refused_while_another_has_expired_and_never_begun_while_none_has()
    {
        // Random requests, compared with a model: the time at which each workflow of each session expires.
        TimeSpan[] timeouts = [TimeSpan.FromMinutes(20), TimeSpan.FromMinutes(1), TimeSpan.FromMinutes(3)];
        const int Limit = 4;
        for (int seed = 0; seed < 200; seed++)
        {
            Random random = new(seed);
            InMemorySessionStoreOptions options = new() { TimeProvider = _clock, MaxSessions = Limit };
            options.Workflow("w1", workflow => workflow.IdleTimeout = timeouts[1]);
            options.Workflow("w2", workflow => workflow.IdleTimeout = timeouts[2]);
            InMemorySessionStoreFactory factory = new(options);
            Dictionary<(string Session, int Workflow), DateTimeOffset> model = [];
            for (int step = 0; step < 200; step++)
            {
                string session = $"session{random.Next(2 * Limit)}";
                int workflow = random.Next(timeouts.Length);
                string at = $"seed {seed}, step {step}";
                switch (random.Next(10))
                {
                    case 0:
                        await factory.Open(session).EndAsync();
                        RemoveWhere(key => key.Session == session);
                        break;
                    case 1:
                        await EndAsync(factory, session, $"w{workflow}");
                        model.Remove((session, workflow));
                        break;
                    case < 5:
                        _clock.Advance(TimeSpan.FromSeconds(random.Next(120)));
                        RemoveWhere(key => model[key] <= _clock.GetUtcNow());
                        break;
                    default:
                        string[] live = [.. model.Keys.Select(key => key.Session).Distinct(StringComparer.Ordinal)];
                        bool fits = live.Length < Limit || live.Contains(session, StringComparer.Ordinal);
                        Assert.That(await TrySetAsync(factory, session, $"w{workflow}"), Is.EqualTo(fits), at);
                        if (fits)
                        {
                            model[(session, workflow)] = _clock.GetUtcNow() + timeouts[workflow];
                        }

                        break;
                }
            }

            void RemoveWhere(Func<(string Session, int Workflow), bool> condition)
            {
                foreach ((string Session, int Workflow) key in model.Keys.Where(condition).ToList())
                {
                    model.Remove(key);
                }
            }
        }
    }

    [Test]
    public async Task Commit_that_ends_a_workflow_needs_no_room()
    {
        InMemorySessionStoreFactory factory = await FullAsync(1);
        await EndAsync(factory, "a new one", "checkout");
        await factory.Open("a new one").EndAsync();
        Assert.That(factory.Sessions.Count, Is.EqualTo(1));
    }

    [Test]
    public async Task Requests_that_begin_one_session_at_once_take_one_place()
    {
        const int Requests = 2;
        InMemorySessionStoreFactory factory = Create(1);
        await AtOnceAsync(
            Requests,
            rounds: 3_000,
            (request, round) => SetAsync(factory, $"session{round}", $"w{request}"),
            async round =>
            {
                Assert.That(factory.Sessions.Count, Is.EqualTo(1));
                Assert.That(await factory.Open($"session{round}").ListAsync(), Has.Count.EqualTo(Requests));
                await factory.Open($"session{round}").EndAsync();
            }
        );
    }

    [Test]
    public async Task Requests_that_come_at_once_when_all_sessions_have_expired_are_all_served()
    {
        const int Requests = 4;
        InMemorySessionStoreFactory factory = Create(64);
        for (int i = 0; i < 64; i++)
        {
            await SetAsync(factory, $"first{i}");
        }

        _clock.Advance(TimeSpan.FromMinutes(21));
        await AtOnceAsync(
            Requests,
            rounds: 500,
            (request, round) => SetAsync(factory, $"round{round} {request}"),
            async round =>
            {
                Assert.That(factory.Sessions.Count, Is.LessThanOrEqualTo(64));
                for (int i = Requests; i < 64; i++)
                {
                    await SetAsync(factory, $"round{round} {i}");
                }

                _clock.Advance(TimeSpan.FromMinutes(21));
            }
        );
    }

    [Test]
    public async Task Requests_that_come_at_once_never_exceed_the_limit()
    {
        InMemorySessionStoreFactory factory = Create(2);
        int begun = 0;
        await AtOnceAsync(
            4,
            rounds: 2_000,
            async (request, round) =>
            {
                if (await TrySetAsync(factory, $"round{round} {request}", "checkout"))
                {
                    Interlocked.Increment(ref begun);
                }
            },
            async round =>
            {
                Assert.That(begun, Is.EqualTo(2));
                Assert.That(factory.Sessions.Count, Is.EqualTo(2));
                for (int request = 0; request < 4; request++)
                {
                    await factory.Open($"round{round} {request}").EndAsync();
                }

                Assert.That(factory.Sessions.Count, Is.Zero);
                begun = 0;
            }
        );
    }

    [Test]
    public async Task Commits_ends_and_expiry_at_once_leave_neither_sessions_nor_places_behind()
    {
        InMemorySessionStoreFactory factory = Create(8);
        int exceeded = 0;
        await Task.WhenAll(
            Enumerable
                .Range(0, 4)
                .Select(worker =>
                    Task.Run(async () =>
                    {
                        Random random = new(worker);
                        for (int i = 0; i < 5_000; i++)
                        {
                            string session = $"session{random.Next(16)}";
                            switch (random.Next(8))
                            {
                                case 0:
                                    _clock.Advance(TimeSpan.FromMinutes(5));
                                    break;
                                case 1:
                                    await factory.Open(session).EndAsync();
                                    break;
                                case 2:
                                    await TryAsync(() => EndAsync(factory, session, "checkout"));
                                    break;
                                default:
                                    await TryAsync(() => TrySetAsync(factory, session));
                                    break;
                            }

                            Interlocked.Add(ref exceeded, factory.Sessions.Count > 8 ? 1 : 0);
                        }
                    })
                )
        );
        Assert.That(exceeded, Is.Zero);
        for (int i = 0; i < 16; i++)
        {
            await factory.Open($"session{i}").EndAsync();
        }

        Assert.That(factory.Sessions.Count, Is.Zero);
        Assert.That(factory.Sessions.Waiting, Is.Zero);

        static async Task TryAsync(Func<Task> action)
        {
            try
            {
                await action();
            }
            catch (WorkflowConflictException)
            {
                // Another request ended it meanwhile.
            }
        }
    }

    /// <summary>In each round, threads send a request each, all at once, and then one of them does something alone.</summary>
    private static async Task AtOnceAsync(int requests, int rounds, Func<int, int, Task> request, Func<int, Task> after)
    {
        ConcurrentQueue<Exception> failures = [];
        using Barrier barrier = new(requests);
        await Task.WhenAll(
            Enumerable
                .Range(0, requests)
                .Select(number =>
                    Task.Factory.StartNew(() => Run(number), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default)
                )
        );
        Assert.That(failures, Is.Empty);

        void Run(int number)
        {
            for (int round = 0; round < rounds; round++)
            {
                barrier.SignalAndWait();
                Try(() => request(number, round));
                barrier.SignalAndWait();
                if (number == 0)
                {
                    Try(() => after(round));
                }
            }
        }

        // The store in memory never waits, so that the threads stay together.
        void Try(Func<Task> action)
        {
            try
            {
                action().GetAwaiter().GetResult();
            }
            catch (Exception error)
            {
                failures.Enqueue(error);
            }
        }
    }

    private InMemorySessionStoreFactory Create(int limit) =>
        new(new InMemorySessionStoreOptions { TimeProvider = _clock, MaxSessions = limit });

    private async Task<InMemorySessionStoreFactory> FullAsync(int limit)
    {
        InMemorySessionStoreFactory factory = Create(limit);
        for (int i = 0; i < limit; i++)
        {
            await SetAsync(factory, $"session{i}");
        }

        return factory;
    }

    private static async Task SetAsync(InMemorySessionStoreFactory factory, string sessionId, string workflowId = "checkout")
    {
        WorkflowSession workflow = new(factory.Open(sessionId), workflowId);
        await workflow.LoadAsync();
        workflow.Set("x", 1);
        await workflow.CommitAsync();
    }

    /// <returns>False when the store refused because it is full.</returns>
    private static async Task<bool> TrySetAsync(InMemorySessionStoreFactory factory, string sessionId, string workflowId = "checkout")
    {
        try
        {
            await SetAsync(factory, sessionId, workflowId);
            return true;
        }
        catch (SessionStoreException)
        {
            return false;
        }
    }

    private static async Task AssertRefusedAsync(InMemorySessionStoreFactory factory, string sessionId) =>
        Assert.That(await TrySetAsync(factory, sessionId), Is.False);

    private static async Task EndAsync(InMemorySessionStoreFactory factory, string sessionId, string workflowId)
    {
        WorkflowSession workflow = new(factory.Open(sessionId), workflowId);
        await workflow.LoadAsync();
        workflow.End();
        await workflow.CommitAsync();
    }
}
