using System.Globalization;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Session;
using Microsoft.Extensions.Caching.StackExchangeRedis;
using Microsoft.Extensions.Logging.Abstractions;
using StackExchange.Redis;
using WorkflowSessions.Contracts;
using WorkflowSessions.Redis;

namespace WorkflowSessions.Benchmarks;

/// <summary>
/// What requests on one Redis cost, and what memory is taken, when there are more sessions, more workflows in each, and more requests at a time. The
/// requests are scattered over all sessions and workflows.
/// </summary>
internal sealed class GrowthCurve : IDisposable
{
    private const int Entries = 5;
    private const int Size = 60;
    private const int InFlight = 16;
    private const int Connections = 4;
    private const int FillInFlight = 128;
    private const int SessionsOfManyWorkflows = 100;
    private const int MostBlobs = 100_000;
    private const int Rounds = 3;

    // A prime: multiples of it visit all sessions, neighbours far from each other.
    private const long Scatter = 2_654_435_761;
    private static readonly TimeSpan Round = TimeSpan.FromSeconds(0.7);

    private readonly ConnectionMultiplexer[] _connections;
    private readonly IServer _server;
    private readonly string _value = new('x', Size);
    private RedisSessionStoreFactory[] _nodes = [];
    private long _empty;
    private int _sessions;
    private int _workflows;
    private long _next;

    private GrowthCurve(ConnectionMultiplexer[] connections)
    {
        _connections = connections;
        StartNodes();
        _server = connections[0].GetServers()[0];
    }

    private Func<int, Task>[] Requests => [_ => LoadAsync(), _ => WriteAsync()];

    public static async Task RunAsync()
    {
        using RedisServer server = await RedisServer.StartAsync();
        using RedisServer blobs = await RedisServer.StartAsync();
        using GrowthCurve curve = new([
            .. await Task.WhenAll(
                Enumerable.Range(0, Connections).Select(_ => ConnectionMultiplexer.ConnectAsync($"{server.Address},allowAdmin=true"))
            ),
        ]);
        await using ConnectionMultiplexer blobConnection = await ConnectionMultiplexer.ConnectAsync($"{blobs.Address},allowAdmin=true");

        Console.WriteLine(
            "| sessions | workflows in each | read /s | client + server, µs | read and write /s | client + server, µs | list /s | client + server, µs | memory of a workflow | of its hash alone | in the blob of ASP.NET Core |"
        );
        Console.WriteLine("|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|");
        // What connections and scripts take is not of the data.
        await curve.GrowAsync(sessions: 1_000, workflows: 1);
        await curve.EmptyAsync();
        List<(double, double)> reads = [];
        List<(double, double)> writes = [];
        foreach (int sessions in new[] { 1_000, 10_000, 100_000, 1_000_000 })
        {
            await curve.GrowAsync(sessions, workflows: 1);
            RedisLoad[] loads = await curve.PrintAsync(blobConnection);
            reads.Add((sessions, loads[0].Server));
            writes.Add((sessions, loads[1].Server));
        }

        await File.WriteAllTextAsync(
            Path.Combine("benchmarks", "growth.svg"),
            LogPlot.Draw("sessions; processor time of the server for a request", "", [("read", reads), ("read and write", writes)])
        );
        RedisLoad[] full = await curve.PrintLoadsAsync();
        await curve.EmptyAsync();
        foreach (int workflows in new[] { 1, 10, 100, 1_000 })
        {
            await curve.GrowAsync(SessionsOfManyWorkflows, workflows);
            await curve.PrintAsync(blobConnection);
        }

        await curve.EmptyAsync();
        await curve.GrowAsync(MostBlobs, workflows: 1);
        await curve.MoveAsync();
        await curve.PrintAsync(blobConnection, ", of two nodes");
        Console.WriteLine(
            string.Create(
                CultureInfo.InvariantCulture,
                $"<!-- a core of the server: {1_000_000 / full[0].Server:N0} reads or {1_000_000 / full[1].Server:N0} reads and writes a second -->"
            )
        );
    }

    public void Dispose()
    {
        foreach (ConnectionMultiplexer connection in _connections)
        {
            connection.Dispose();
        }
    }

    private async Task<RedisLoad[]> PrintAsync(ConnectionMultiplexer blobConnection, string remark = "")
    {
        long number = (long)_sessions * _workflows;
        long memory = (await MemoryAsync(_server) - _empty) / number;
        long hash = await HashMemoryAsync();
        string blob = _sessions <= MostBlobs ? $"{await BlobMemoryAsync(blobConnection, _sessions, _workflows) / number:N0} B" : "";
        RedisLoad[] loads = await RedisLoad.MedianAsync(
            _connections[0],
            [.. Requests, _ => ListAsync()],
            InFlight,
            _sessions,
            Round,
            Rounds
        );
        Console.WriteLine(
            string.Create(
                CultureInfo.InvariantCulture,
                $"| {_sessions:N0}{remark} | {_workflows:N0} | {string.Join(" | ", loads.Select(Text))} | {memory:N0} B | {hash:N0} B | {blob} |"
            )
        );
        return loads;
    }

    private async Task<RedisLoad[]> PrintLoadsAsync()
    {
        Console.WriteLine();
        Console.WriteLine(
            "| in flight | read /s | client + server, µs | server busy | read and write /s | client + server, µs | server busy |"
        );
        Console.WriteLine("|---:|---:|---:|---:|---:|---:|---:|");
        RedisLoad[] loads = [];
        foreach (int inFlight in new[] { 1, 4, 16, 64, 256 })
        {
            loads = await RedisLoad.MedianAsync(_connections[0], Requests, inFlight, _sessions, Round, Rounds);
            Console.WriteLine(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"| {inFlight} | {string.Join(" | ", loads.Select(load => string.Create(CultureInfo.InvariantCulture, $"{Text(load)} | {load.Rate * load.Server / 10_000:0} %")))} |"
                )
            );
        }

        Console.WriteLine();
        return loads;
    }

    /// <summary>Puts on each connection a node that has not committed yet.</summary>
    private void StartNodes()
    {
        // So long that no request renews.
        RedisSessionStoreOptions options = new() { IdleTimeout = TimeSpan.FromDays(1) };
        _nodes = [.. _connections.Select(connection => new RedisSessionStoreFactory(connection, options))];
    }

    private async Task EmptyAsync()
    {
        await _connections[0].GetDatabase().ExecuteAsync("FLUSHALL");
        _empty = await MemoryAsync(_server);
        _sessions = 0;
        _workflows = 0;
    }

    private async Task GrowAsync(int sessions, int workflows)
    {
        await Parallel.ForEachAsync(
            Enumerable
                .Range(0, sessions)
                .SelectMany(session => Enumerable.Range(0, workflows).Select(workflow => (Session: session, Workflow: workflow)))
                .Where(one => one.Session >= _sessions || one.Workflow >= _workflows),
            new ParallelOptions { MaxDegreeOfParallelism = FillInFlight },
            async (one, _) =>
            {
                WorkflowSession workflow = new(Open(one.Session), Workflow(one.Workflow));
                await workflow.LoadAsync(CancellationToken.None).ConfigureAwait(false);
                for (int entry = 0; entry < Entries; entry++)
                {
                    workflow.Set($"field{entry}", _value);
                }

                await workflow.CommitAsync(CancellationToken.None).ConfigureAwait(false);
            }
        );
        _sessions = sessions;
        _workflows = workflows;
    }

    /// <summary>Has each session written by another node than the one that began it.</summary>
    private async Task MoveAsync()
    {
        StartNodes();
        await Parallel.ForEachAsync(
            Enumerable.Range(0, _sessions),
            new ParallelOptions { MaxDegreeOfParallelism = FillInFlight },
            async (_, _) => await WriteAsync().ConfigureAwait(false)
        );
    }

    private async Task<long> BlobMemoryAsync(ConnectionMultiplexer connection, int sessions, int workflows)
    {
        await connection.GetDatabase().ExecuteAsync("FLUSHALL");
        IServer server = connection.GetServers()[0];
        long empty = await MemoryAsync(server);
        DistributedSessionStore store = new(
            new RedisCache(
                new RedisCacheOptions { ConnectionMultiplexerFactory = () => Task.FromResult<IConnectionMultiplexer>(connection) }
            ),
            NullLoggerFactory.Instance
        );
        await Parallel.ForEachAsync(
            Enumerable.Range(0, sessions),
            new ParallelOptions { MaxDegreeOfParallelism = FillInFlight },
            async (i, _) =>
            {
                ISession session = store.Create(
                    Name(i),
                    TimeSpan.FromMinutes(20),
                    Timeout.InfiniteTimeSpan,
                    () => true,
                    isNewSessionKey: true
                );
                await session.LoadAsync(CancellationToken.None).ConfigureAwait(false);
                for (int workflow = 0; workflow < workflows; workflow++)
                {
                    for (int entry = 0; entry < Entries; entry++)
                    {
                        session.SetString($"{Workflow(workflow)}_field{entry}", _value);
                    }
                }

                await session.CommitAsync(CancellationToken.None).ConfigureAwait(false);
            }
        );
        return await MemoryAsync(server) - empty;
    }

    private async Task<WorkflowSession> LoadAsync()
    {
        (ISessionStore store, long workflow) = Next();
        WorkflowSession loaded = new(store, Workflow(workflow));
        await loaded.LoadAsync().ConfigureAwait(false);
        _ = loaded.Get<string>("field1") ?? throw new InvalidOperationException("It is not there.");
        return loaded;
    }

    private async Task WriteAsync()
    {
        WorkflowSession workflow = await LoadAsync().ConfigureAwait(false);
        workflow.Set("field1", _value);
        await workflow.CommitAsync().ConfigureAwait(false);
    }

    private async Task ListAsync()
    {
        if ((await Next().Store.ListAsync().ConfigureAwait(false)).Count != _workflows)
        {
            throw new InvalidOperationException("They are not all there.");
        }
    }

    private (ISessionStore Store, long Workflow) Next()
    {
        long next = Interlocked.Increment(ref _next);
        return (Open(next * Scatter % _sessions), next / _sessions % _workflows);
    }

    private async Task<long> HashMemoryAsync()
    {
        IDatabase database = _connections[0].GetDatabase();
        string key;
        do
        {
            key = (string)(await database.ExecuteAsync("RANDOMKEY"))!;
        } while (!key.Contains("}:", StringComparison.Ordinal));

        return (long)await database.ExecuteAsync("MEMORY", "USAGE", key);
    }

    private static async Task<long> MemoryAsync(IServer server) =>
        long.Parse(
            (await server.InfoAsync("memory")).SelectMany(group => group).Single(entry => entry.Key == "used_memory").Value,
            CultureInfo.InvariantCulture
        );

    private static string Text(RedisLoad load) =>
        string.Create(CultureInfo.InvariantCulture, $"{load.Rate:N0} | {load.Client:0.0} + {load.Server:0.0}");

    // A visitor stays on one node.
    private BufferedSessionStore Open(long session) => _nodes[session % _nodes.Length].Open(Name(session));

    private static string Name(long session) => string.Create(CultureInfo.InvariantCulture, $"session{session}");

    private static string Workflow(long workflow) => string.Create(CultureInfo.InvariantCulture, $"workflow{workflow}");
}
