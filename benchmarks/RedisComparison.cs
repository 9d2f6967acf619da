using System.Globalization;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Session;
using Microsoft.Extensions.Caching.StackExchangeRedis;
using Microsoft.Extensions.Logging.Abstractions;
using StackExchange.Redis;
using WorkflowSessions.Contracts;
using WorkflowSessions.Redis;

namespace WorkflowSessions.Benchmarks;

/// <summary>
/// Requests a second on one Redis: a workflow here, ASP.NET Core's session over the commands of Microsoft's cache, and the commands that are sent
/// here, sent by the bare client. Rounds of each take turns, and medians count.
/// </summary>
internal static class RedisComparison
{
    private const int Rounds = 5;
    private const int ManySessions = 5_000;
    private const int FewSessions = 100;
    private const int CommitsOfScripts = 20_000;
    private const int InFlight = 64;
    private static readonly TimeSpan Round = TimeSpan.FromSeconds(0.7);

    public static async Task RunAsync()
    {
        using RedisServer server = await RedisServer.StartAsync();
        await using ConnectionMultiplexer connection = await ConnectionMultiplexer.ConnectAsync($"{server.Address},allowAdmin=true");
        IDatabase database = connection.GetDatabase();
        Console.WriteLine(
            "| session | request | in flight | ASP.NET Core Session /s | bare commands /s | WorkflowSessions /s | to session | to bare | session, µs | bare, µs | WorkflowSessions, µs |"
        );
        Console.WriteLine("|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|");
        foreach (Case one in new Case[] { new(5, 60), new(20, 40), new(20, 150), new(20, 150, 400_000), new(20, 40, OtherWorkflows: 90) })
        {
            await database.ExecuteAsync("FLUSHALL");
            using Peers peers = new(connection, one);
            await peers.FillAsync();
            foreach ((string request, Func<int, Task>[] actions) in peers.Requests)
            {
                foreach (int inFlight in new[] { 1, InFlight })
                {
                    RedisLoad[] best = await RedisLoad.MedianAsync(connection, actions, inFlight, one.Sessions, Round, Rounds);
                    Console.WriteLine(
                        string.Create(
                            CultureInfo.InvariantCulture,
                            $"| {one} | {request} | {inFlight} | {best[0].Rate:N0} | {best[1].Rate:N0} | {best[2].Rate:N0} | {best[2].Rate / best[0].Rate:0.00} | {best[2].Rate / best[1].Rate:0.00} | "
                                + $"{best[0].Client:0.0} + {best[0].Server:0.0} | {best[1].Client:0.0} + {best[1].Server:0.0} | {best[2].Client:0.0} + {best[2].Server:0.0} |"
                        )
                    );
                }
            }

            await peers.PrintCostsAsync(server);
        }

        await PlotAsync(connection);
        await PrintScriptsAsync(connection);
    }

    /// <summary>The time of the server for the script of a commit, without its connection: of the bare one, of ours, and of ours after a commit of others.</summary>
    private static async Task PrintScriptsAsync(ConnectionMultiplexer connection)
    {
        Console.WriteLine("| session | bare script, µs | commit, µs | to bare | commit after one of others, µs | to bare |");
        Console.WriteLine("|---|---:|---:|---:|---:|---:|");
        foreach (Case one in new Case[] { new(5, 60), new(20, 40), new(20, 150) })
        {
            await connection.GetDatabase().ExecuteAsync("FLUSHALL");
            using Peers peers = new(connection, one);
            await peers.FillAsync();
            double[][] rounds = new double[Rounds][];
            for (int round = -1; round < Rounds; round++)
            {
                double bare = await peers.ScriptAsync(peers.BareWriteAsync);
                double own = await peers.ScriptAsync(peers.WriteAsync);
                // Half of the commits come after one of others.
                double late = (2 * await peers.ScriptAsync(peers.WriteTwiceAsync)) - own;
                if (round >= 0)
                {
                    rounds[round] = [bare, own, late];
                }
            }

            double[] medians = [.. Enumerable.Range(0, 3).Select(i => rounds.Select(round => round[i]).Order().ElementAt(Rounds / 2))];
            Console.WriteLine(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"| {one} | {medians[0]:0.0} | {medians[1]:0.0} | {medians[1] / medians[0]:0.00} | {medians[2]:0.0} | {medians[2] / medians[0]:0.00} |"
                )
            );
        }
    }

    private static async Task PlotAsync(ConnectionMultiplexer connection)
    {
        List<(double, double)> peer = [];
        List<(double, double)> ours = [];
        foreach (int elsewhere in new[] { 1_000, 10_000, 50_000, 200_000, 400_000 })
        {
            await connection.GetDatabase().ExecuteAsync("FLUSHALL");
            using Peers peers = new(connection, new Case(5, 60, elsewhere));
            await peers.FillAsync();
            RedisLoad[] best = await RedisLoad.MedianAsync(
                connection,
                peers.Requests.Last().Actions,
                inFlight: 1,
                FewSessions,
                Round,
                Rounds
            );
            peer.Add((elsewhere / 1_000.0, 1_000_000 / best[0].Rate));
            ours.Add((elsewhere / 1_000.0, 1_000_000 / best[2].Rate));
        }

        await File.WriteAllTextAsync(
            Path.Combine("benchmarks", "session-size.svg"),
            LogPlot.Draw("in other workflows of the session", " KB", [("ASP.NET Core Session", peer), ("WorkflowSessions", ours)])
        );
    }

    /// <param name="Entries">How many entries the workflow has.</param>
    /// <param name="Size">How many characters each has.</param>
    /// <param name="Elsewhere">How many bytes another workflow of the session has.</param>
    /// <param name="OtherWorkflows">How many workflows like this one the session has besides.</param>
    private sealed record Case(int Entries, int Size, int Elsewhere = 0, int OtherWorkflows = 0)
    {
        public int Sessions => Elsewhere + OtherWorkflows > 0 ? FewSessions : ManySessions;

        public override string ToString() =>
            $"{Entries} × {Size} B"
            + (Elsewhere > 0 ? $", {Elsewhere / 1_000} KB elsewhere" : "")
            + (OtherWorkflows > 0 ? $", {OtherWorkflows} other workflows" : "");
    }

    private sealed class Peers(ConnectionMultiplexer connection, Case one) : IDisposable
    {
        // What a commit of one key calls, without a rule of ours in it.
        private const string BareScript = """
            redis.call('HGET', KEYS[1], '#')
            redis.call('TIME')
            redis.call('HSET', KEYS[1], '#', ARGV[1], ARGV[2], ARGV[3])
            return 1
            """;

        private static readonly TimeSpan Idle = TimeSpan.FromMinutes(20);

        private readonly IDatabase _database = connection.GetDatabase();
        private readonly RedisSessionStoreFactory _sessions = new(connection);
        private readonly DistributedSessionStore _peer = new(
            new RedisCache(
                new RedisCacheOptions { ConnectionMultiplexerFactory = () => Task.FromResult<IConnectionMultiplexer>(connection) }
            ),
            NullLoggerFactory.Instance
        );
        private readonly string _value = new('x', one.Size);
        private RedisKey[] _keys = [];

        public IEnumerable<(string Name, Func<int, Task>[] Actions)> Requests =>
            [("read", [PeerReadAsync, BareReadAsync, ReadAsync]), ("read and write", [PeerWriteAsync, BareWriteAsync, WriteAsync])];

        public async Task FillAsync()
        {
            for (int i = 0; i < one.Sessions; i++)
            {
                ISession peer = Peer(i);
                WorkflowSession workflow = await OpenAsync(i);
                await peer.LoadAsync();
                for (int entry = 0; entry < one.Entries; entry++)
                {
                    workflow.Set($"field{entry}", _value);
                    peer.SetString($"field{entry}", _value);
                }

                await workflow.CommitAsync();
                for (int number = 0; number < one.OtherWorkflows; number++)
                {
                    WorkflowSession like = new(_sessions.Open(Name(i)), $"like{number}");
                    await like.LoadAsync();
                    for (int entry = 0; entry < one.Entries; entry++)
                    {
                        like.Set($"field{entry}", _value);
                        peer.SetString($"like{number}_field{entry}", _value);
                    }

                    await like.CommitAsync();
                }

                WorkflowSession other = new(_sessions.Open(Name(i)), "other");
                await other.LoadAsync();
                for (int rest = one.Elsewhere; rest > 0; rest -= 50_000)
                {
                    string large = new('x', Math.Min(rest, 50_000));
                    other.Set($"large{rest}", large);
                    peer.SetString($"large{rest}", large);
                }

                await other.CommitAsync();
                await peer.CommitAsync();
            }

            // The bare commands have workflows of their own: they would break the rules of ours.
            RedisKey[] workflows = [.. ((string[])(await _database.ExecuteAsync("KEYS", "*:checkout"))!).Select(key => (RedisKey)key)];
            _keys = [.. Enumerable.Range(0, workflows.Length).Select(i => (RedisKey)$"bare{i}")];
            await Task.WhenAll(workflows.Zip(_keys, (workflow, bare) => _database.ExecuteAsync("COPY", workflow, bare)));
        }

        public async Task PrintCostsAsync(RedisServer server)
        {
            await using ConnectionMultiplexer own = await ConnectionMultiplexer.ConnectAsync($"{server.Address},allowAdmin=true");
            IServer admin = own.GetServers()[0];
            WorkflowSession workflow = await OpenAsync(0);
            workflow.Set("field1", _value);
            long before = await ReceivedAsync(admin);
            long idle = await ReceivedAsync(admin) - before;
            before = await ReceivedAsync(admin);
            await workflow.CommitAsync();
            long bytes = await ReceivedAsync(admin) - before - idle;
            await admin.ConfigResetStatisticsAsync();
            for (int i = 0; i < one.Sessions; i++)
            {
                await ReadAsync(i);
            }

            string reading = await CommandsAsync(admin);
            await admin.ConfigResetStatisticsAsync();
            for (int i = 0; i < one.Sessions; i++)
            {
                await WriteAsync(i);
            }

            string writing = await CommandsAsync(admin);
            long memory = (long)await _database.ExecuteAsync("MEMORY", "USAGE", _keys[0]);
            long blob = (long)await _database.ExecuteAsync("MEMORY", "USAGE", (RedisKey)Name(0));
            Console.WriteLine(
                $"<!-- {one}: {one.Sessions} reads: {reading}; {one.Sessions} reads and writes: {writing}; bytes sent by a commit of one key of {one.Size} B: {bytes}; memory of the workflow {memory} B, of the blob {blob} B -->"
            );
        }

        public void Dispose() => _sessions.Dispose();

        private async Task PeerReadAsync(int i)
        {
            ISession session = Peer(i);
            await session.LoadAsync().ConfigureAwait(false);
            _ = session.GetString("field1") ?? throw new InvalidOperationException("It is not there.");
            await session.CommitAsync().ConfigureAwait(false);
        }

        private async Task PeerWriteAsync(int i)
        {
            ISession session = Peer(i);
            await session.LoadAsync().ConfigureAwait(false);
            session.SetString("field1", _value);
            await session.CommitAsync().ConfigureAwait(false);
        }

        private Task<HashEntry[]> BareReadAsync(int i) => _database.HashGetAllAsync(_keys[i]);

        /// <returns>Microseconds of one script, as the server counts them.</returns>
        public async Task<double> ScriptAsync(Func<int, Task> action)
        {
            IServer admin = connection.GetServers()[0];
            await admin.ConfigResetStatisticsAsync();
            ParallelOptions inFlight = new() { MaxDegreeOfParallelism = InFlight };
            await Parallel.ForAsync(0, CommitsOfScripts, inFlight, async (i, _) => await action(i % one.Sessions).ConfigureAwait(false));
            string statistics = (await admin.InfoAsync("commandstats"))
                .SelectMany(group => group)
                .Single(entry => entry.Key == "cmdstat_evalsha")
                .Value;
            return double.Parse(
                statistics.Split(',').Single(part => part.StartsWith("usec_per_call=", StringComparison.Ordinal))[
                    "usec_per_call=".Length..
                ],
                CultureInfo.InvariantCulture
            );
        }

        public async Task WriteTwiceAsync(int i)
        {
            WorkflowSession late = await OpenAsync(i).ConfigureAwait(false);
            await WriteAsync(i).ConfigureAwait(false);
            late.Set("field1", _value);
            await late.CommitAsync().ConfigureAwait(false);
        }

        public async Task BareWriteAsync(int i)
        {
            await BareReadAsync(i).ConfigureAwait(false);
            await _database
                .ScriptEvaluateAsync(BareScript, [_keys[i]], ["a 12345678901234 1 1767323045000 1767323045000 0", ".field1", "t" + _value])
                .ConfigureAwait(false);
        }

        private async Task ReadAsync(int i)
        {
            WorkflowSession workflow = await OpenAsync(i).ConfigureAwait(false);
            _ = workflow.Get<string>("field1") ?? throw new InvalidOperationException("It is not there.");
        }

        public async Task WriteAsync(int i)
        {
            WorkflowSession workflow = await OpenAsync(i).ConfigureAwait(false);
            workflow.Set("field1", _value);
            await workflow.CommitAsync().ConfigureAwait(false);
        }

        private async Task<WorkflowSession> OpenAsync(int i)
        {
            WorkflowSession workflow = new(_sessions.Open(Name(i)), "checkout");
            await workflow.LoadAsync().ConfigureAwait(false);
            return workflow;
        }

        private ISession Peer(int i) => _peer.Create(Name(i), Idle, Timeout.InfiniteTimeSpan, () => true, isNewSessionKey: false);

        private static string Name(int i) => $"session{i}";

        private static async Task<long> ReceivedAsync(IServer admin) =>
            long.Parse(
                (await admin.InfoAsync("stats")).SelectMany(group => group).Single(entry => entry.Key == "total_net_input_bytes").Value,
                CultureInfo.InvariantCulture
            );

        private async Task<string> CommandsAsync(IServer admin)
        {
            StringBuilder text = new();
            foreach ((string command, string statistics) in (await admin.InfoAsync("commandstats")).SelectMany(group => group))
            {
                string calls = statistics.Split(',')[0]["calls=".Length..];
                if (int.Parse(calls, CultureInfo.InvariantCulture) >= one.Sessions)
                {
                    text.Append(CultureInfo.InvariantCulture, $" {command["cmdstat_".Length..]} {calls}");
                }
            }

            return text.ToString().Trim();
        }
    }
}
