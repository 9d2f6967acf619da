using System.Globalization;
using StackExchange.Redis;
using WorkflowSessions.Contracts;

namespace WorkflowSessions.Redis.Tests;

/// <summary>A commit whose answer is lost is sent again, and applied once. The network is a proxy that loses what a test tells it to.</summary>
[Parallelizable(ParallelScope.Children)]
public sealed class ExactlyOnceTests
{
    private const int Nodes = 2;
    private const int Sessions = 6;
    private const int WritersOfEach = 4;
    private const int Increments = 50;

    [Test]
    public async Task Counters_are_exact_while_connections_break_around_requests_and_replies()
    {
        using RedisServer server = await RedisServer.StartAsync();
        int seed = Random.Shared.Next();
        Random random = new(seed);
        int cuts = 0,
            unknown = 0,
            refused = 0;
        int[] counted = new int[Sessions];
        List<FaultyProxy> proxies = [];
        List<ConnectionMultiplexer> connections = [];
        List<Task> writers = [];
        for (int node = 0; node < Nodes; node++)
        {
            FaultyProxy proxy = FaultyProxy.Start(server.Port);
            ConnectionMultiplexer connection = await ConnectAsync(proxy);
            proxies.Add(proxy);
            connections.Add(connection);
            RedisSessionStoreFactory sessions = new(connection, Patient());
            writers.AddRange(Enumerable.Range(0, Sessions * WritersOfEach).Select(writer => IncrementAsync(sessions, writer % Sessions)));
            int reads = 0;
            proxy.OnReply = proxy.OnRequest = bytes => CutSometimes(bytes, Interlocked.Increment(ref reads));
        }

        await Task.WhenAll(writers);
        await TestContext.Out.WriteLineAsync(
            $"Seed {seed}: {cuts} connections cut, {refused} loads and commits refused, {unknown} left unknown."
        );
        await using ConnectionMultiplexer direct = await ConnectionMultiplexer.ConnectAsync(server.Address);
        for (int session = 0; session < Sessions; session++)
        {
            WorkflowSession counter = new(new RedisSessionStoreFactory(direct).Open(Name(session)), "checkout");
            await counter.LoadAsync();
            Assert.That(counter.Get<int>("n"), Is.EqualTo(counted[session]));
        }

        Assert.That(unknown, Is.Zero);
        foreach (ConnectionMultiplexer connection in connections)
        {
            await connection.DisposeAsync();
        }

        foreach (FaultyProxy proxy in proxies)
        {
            await proxy.DisposeAsync();
        }

        ValueTask<int> CutSometimes(ReadOnlyMemory<byte> bytes, int read)
        {
            // Requests and replies take turns, more or less.
            if (read % 61 > 0)
            {
                return ValueTask.FromResult(bytes.Length);
            }

            Interlocked.Increment(ref cuts);
            lock (random)
            {
                return ValueTask.FromResult(random.Next(bytes.Length));
            }
        }

        async Task IncrementAsync(RedisSessionStoreFactory sessions, int session)
        {
            // How many requests come in one read depends on the machine: it goes on until enough of them were cut.
            for (int done = 0; done < Increments || Volatile.Read(ref cuts) <= 10; )
            {
                try
                {
                    WorkflowSession counter = new(sessions.Open(Name(session)), "checkout");
                    await counter.UpdateAsync(w => w.Set("n", w.Get("n", 0) + 1));
                    done++;
                    Interlocked.Increment(ref counted[session]);
                }
                catch (SessionStoreException error) when (!error.MayBeStored)
                {
                    Interlocked.Increment(ref refused);
                }
                catch (SessionStoreException)
                {
                    Interlocked.Increment(ref unknown);
                    done++;
                }
            }
        }

        static string Name(int session) => string.Create(CultureInfo.InvariantCulture, $"session{session}");
    }

    [Test]
    public async Task Commit_that_is_sent_again_does_not_take_back_what_others_wrote_meanwhile()
    {
        await using Scene scene = await Scene.SetAsync();
        await scene.Here.CommitAsync();
        WorkflowSession there = await scene.OpenThereAsync();
        scene.Here.Set("x", 1);
        await scene.CommitWithoutReplyAsync(async () =>
        {
            there.Set("x", 2);
            await there.CommitAsync();
        });
        Assert.That(scene.Here.HasChanges, Is.False);
        await there.LoadAsync();
        Assert.That(there.Get<int>("x"), Is.EqualTo(2));
    }

    [Test]
    public async Task Workflow_that_others_ended_meanwhile_is_not_begun_again()
    {
        await using Scene scene = await Scene.SetAsync();
        scene.Here.Set("x", 1);
        await scene.CommitWithoutReplyAsync(async () =>
        {
            WorkflowSession there = await scene.OpenThereAsync();
            Assert.That(there.Get<int>("x"), Is.EqualTo(1));
            there.End();
            await there.CommitAsync();
        });
        WorkflowSession next = await scene.OpenThereAsync();
        Assert.That(next.LastModified, Is.Null);
        Assert.That(await scene.There.Open("alice").ListAsync(), Is.Empty);
        // What is left of it is to go by itself, and hinders nobody who begins it anew.
        IDatabase database = scene.Direct.GetDatabase();
        string key = ((string[])(await database.ExecuteAsync("KEYS", "*{K9gGyX8OAK8aH8Myj6djqQ}:checkout"))!).Single();
        Assert.That(await database.KeyTimeToLiveAsync(key), Is.GreaterThan(TimeSpan.Zero).And.LessThanOrEqualTo(TimeSpan.FromMinutes(2)));
        next.Set("y", 1);
        await next.CommitAsync();
        next = await scene.OpenThereAsync();
        Assert.That(next.GetAll(), Is.EquivalentTo(new Dictionary<string, object?> { ["y"] = 1 }));
        Assert.That(await database.KeyTimeToLiveAsync(key), Is.GreaterThan(TimeSpan.FromMinutes(10)));
    }

    [Test]
    public async Task Update_that_is_sent_again_after_others_updated_is_not_run_again()
    {
        await using Scene scene = await Scene.SetAsync();
        await scene.Here.CommitAsync();
        int runs = 0;
        Task<bool> lost = scene.LoseNextReply(async () =>
        {
            WorkflowSession there = await scene.OpenThereAsync();
            await there.UpdateAsync(w => w.Set("n", w.Get("n", 0) + 10));
        });
        await scene.Here.UpdateAsync(w =>
        {
            runs++;
            w.Set("n", w.Get("n", 0) + 1);
        });
        Assert.That(lost.IsCompletedSuccessfully, Is.True);
        Assert.That(runs, Is.EqualTo(1));
        WorkflowSession next = await scene.OpenThereAsync();
        Assert.That(next.Get<int>("n"), Is.EqualTo(11));
    }

    [Test]
    public async Task Commit_that_is_sent_again_after_commits_of_fifty_other_nodes_is_applied_once()
    {
        await using Scene scene = await Scene.SetAsync();
        await scene.Here.CommitAsync();
        scene.Here.Set("x", 1);
        await scene.CommitWithoutReplyAsync(async () =>
        {
            for (int node = 0; node < 50; node++)
            {
                WorkflowSession other = new(new RedisSessionStoreFactory(scene.Direct).Open("alice"), "checkout");
                await other.LoadAsync();
                other.Set("x", 2);
                await other.CommitAsync();
            }
        });
        WorkflowSession next = await scene.OpenThereAsync();
        Assert.That(next.Get<int>("x"), Is.EqualTo(2));
    }

    private static RedisSessionStoreOptions Patient() =>
        new() { CommandTimeout = TimeSpan.FromMinutes(1), UpdateTimeout = TimeSpan.FromMinutes(2) };

    private static Task<ConnectionMultiplexer> ConnectAsync(FaultyProxy proxy, string more = "") =>
        ConnectionMultiplexer.ConnectAsync($"{proxy.Address},abortConnect=false,connectTimeout=5000{more}");

    /// <summary>A workflow behind a proxy, and another node with a connection of its own.</summary>
    private sealed class Scene : IAsyncDisposable
    {
        private readonly RedisServer _server;
        private readonly FaultyProxy _proxy;
        private readonly ConnectionMultiplexer _connection;

        private Scene(RedisServer server, FaultyProxy proxy, ConnectionMultiplexer connection, ConnectionMultiplexer direct)
        {
            _server = server;
            _proxy = proxy;
            _connection = connection;
            Direct = direct;
            There = new RedisSessionStoreFactory(direct);
            Sessions = new RedisSessionStoreFactory(connection, Patient());
            Here = new WorkflowSession(Sessions.Open("alice"), "checkout");
        }

        public RedisSessionStoreFactory Sessions { get; }

        public ConnectionMultiplexer Direct { get; }

        public RedisSessionStoreFactory There { get; }

        public WorkflowSession Here { get; }

        /// <summary>Here the workflow is loaded, and has a change.</summary>
        public static async Task<Scene> SetAsync()
        {
            RedisServer server = await RedisServer.StartAsync();
            FaultyProxy proxy = FaultyProxy.Start(server.Port);
            Scene scene = new(
                server,
                proxy,
                // Nothing but what the test sends: a reply to anything else would be taken for that of the commit.
                await ConnectAsync(proxy, ",$SUBSCRIBE=,keepAlive=600,configCheckSeconds=600"),
                await ConnectionMultiplexer.ConnectAsync($"{server.Address},allowAdmin=true,asyncTimeout=60000")
            );
            await scene.Here.LoadAsync();
            // A commit to another session, so that the node knows the time of the server and the server the script.
            WorkflowSession warm = new(scene.Sessions.Open("bob"), "checkout");
            await warm.UpdateAsync(w => w.Set("x", 1));
            scene.Here.Set("begun", value: true);
            return scene;
        }

        public async Task<WorkflowSession> OpenThereAsync()
        {
            WorkflowSession workflow = new(There.Open("alice"), "checkout");
            await workflow.LoadAsync();
            return workflow;
        }

        /// <summary>Commits; when it is stored, others do something, and then the connection breaks in place of the reply.</summary>
        public async Task CommitWithoutReplyAsync(Func<Task> meanwhile)
        {
            Task<bool> lost = LoseNextReply(meanwhile);
            try
            {
                await Here.CommitAsync();
            }
            finally
            {
                Assert.That(lost.IsCompletedSuccessfully, Is.True);
            }
        }

        public Task<bool> LoseNextReply(Func<Task> meanwhile)
        {
            TaskCompletionSource<bool> lost = new(TaskCreationOptions.RunContinuationsAsynchronously);
            bool isAwaited = false;
            _proxy.OnRequest = bytes =>
            {
                isAwaited |= bytes.Span.IndexOf("EVALSHA"u8) >= 0;
                return ValueTask.FromResult(bytes.Length);
            };
            _proxy.OnReply = async bytes =>
            {
                if (!isAwaited || bytes.Span.IndexOf("NOSCRIPT"u8) >= 0)
                {
                    return bytes.Length;
                }

                _proxy.OnReply = _proxy.OnRequest = null;
                try
                {
                    await meanwhile();
                    lost.SetResult(true);
                }
                catch (Exception error)
                {
                    lost.SetException(error);
                }

                return 0;
            };
            return lost.Task;
        }

        public async ValueTask DisposeAsync()
        {
            await _connection.DisposeAsync();
            await Direct.DisposeAsync();
            await _proxy.DisposeAsync();
            _server.Dispose();
        }
    }
}
