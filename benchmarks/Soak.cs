using System.Diagnostics;
using System.Globalization;
using StackExchange.Redis;
using WorkflowSessions.Contracts;
using WorkflowSessions.Redis;

namespace WorkflowSessions.Benchmarks;

/// <summary>
/// Mixed traffic from several connections on one Redis, for as long as is asked for: whether memory, connections or threads grow, whether every acknowledged
/// update is counted once, and whether anything stays when the traffic is over.
/// </summary>
internal sealed class Soak : IDisposable
{
    private const int Connections = 4;
    private const int WorkersPerConnection = 4;
    private const int RequestsPerTick = 4;
    private const int Sessions = 500;
    private const int Counters = 50;
    private const int Samples = 120;

    // Between the medians of the last two quarters. What lives varies by some percent, because sessions begin and expire at random. In ten minutes 5 % is
    // less than half a byte for each request between them, on both sides; the smallest object that a request could leave takes 24.
    private const double Tolerance = 0.05;

    // The pool of threads adds and ends some by itself. A thread more a minute would be two or three between the medians.
    private const int ThreadTolerance = 2;

    // What buffers of connections and the allocator keep of a server that was busy.
    private const long ServerRest = 1_048_576;

    private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan Idle = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan CounterIdle = TimeSpan.FromSeconds(30);

    private readonly ConnectionMultiplexer[] _connections;
    private readonly RedisSessionStoreFactory[] _factories;
    private readonly IServer _server;
    private readonly string _value = new('x', 60);
    private readonly long[] _acknowledged = new long[Counters];
    private readonly Dictionary<string, long> _done = new(StringComparer.Ordinal);
    private long _visitors;

    private Soak(ConnectionMultiplexer[] connections)
    {
        _connections = connections;
        RedisSessionStoreOptions options = new() { IdleTimeout = Idle };
        options.Workflow("counter", workflow => workflow.IdleTimeout = CounterIdle);
        _factories = [.. connections.Select(connection => new RedisSessionStoreFactory(connection, options))];
        _server = connections[0].GetServers()[0];
    }

    /// <summary>Fails with the exit code, and what was wrong on the error stream.</summary>
    public static async Task RunAsync(double minutes)
    {
        using RedisServer server = await RedisServer.StartAsync();
        using Soak soak = new([
            .. await Task.WhenAll(
                Enumerable.Range(0, Connections).Select(_ => ConnectionMultiplexer.ConnectAsync($"{server.Address},allowAdmin=true"))
            ),
        ]);
        string[] wrong = await soak.RunAsync(TimeSpan.FromMinutes(minutes));
        foreach (string what in wrong)
        {
            await Console.Error.WriteLineAsync(what);
        }

        Console.WriteLine(wrong.Length == 0 ? "Nothing was wrong." : $"{wrong.Length} things were wrong.");
        Environment.ExitCode = wrong.Length == 0 ? 0 : 1;
    }

    public void Dispose()
    {
        foreach (RedisSessionStoreFactory factory in _factories)
        {
            factory.Dispose();
        }

        foreach (ConnectionMultiplexer connection in _connections)
        {
            connection.Dispose();
        }
    }

    private async Task<string[]> RunAsync(TimeSpan duration)
    {
        Sample first = await TakeAsync(TimeSpan.Zero);
        long start = Stopwatch.GetTimestamp();
        using CancellationTokenSource over = new(duration);
        Task[] workers =
        [
            .. Enumerable.Range(0, Connections * WorkersPerConnection).Select(worker => Task.Run(() => WorkAsync(worker, over.Token))),
        ];
        List<Sample> samples = [];
        Console.WriteLine("| time | commands | client | server | keys | connections | threads |");
        Console.WriteLine("|---:|---:|---:|---:|---:|---:|---:|");
        using PeriodicTimer timer = new(duration / Samples);
        while (!over.IsCancellationRequested && !workers.Any(worker => worker.IsFaulted))
        {
            await timer.WaitForNextTickAsync(CancellationToken.None);
            Sample sample = await TakeAsync(Stopwatch.GetElapsedTime(start));
            samples.Add(sample);
            if (samples.Count % (Samples / 20) == 0)
            {
                Console.WriteLine(sample);
            }
        }

        await Task.WhenAll(workers);
        Console.WriteLine(
            string.Join(", ", _done.Select(kind => string.Create(CultureInfo.InvariantCulture, $"{kind.Key} {kind.Value:N0}")))
        );
        return [.. Growth(samples), .. await MiscountedAsync(), .. await LeftAsync(first)];
    }

    private async Task WorkAsync(int worker, CancellationToken over)
    {
        RedisSessionStoreFactory sessions = _factories[worker % Connections];
        // Different for each, and the same in each run.
        Random random = new(worker);
        Dictionary<string, long> done = new(StringComparer.Ordinal);
        using PeriodicTimer timer = new(Tick);
        while (!over.IsCancellationRequested)
        {
            for (int i = 0; i < RequestsPerTick; i++)
            {
                string kind = await RequestAsync(sessions, random).ConfigureAwait(false);
                done[kind] = done.GetValueOrDefault(kind) + 1;
            }

            await timer.WaitForNextTickAsync(CancellationToken.None).ConfigureAwait(false);
        }

        lock (_done)
        {
            foreach ((string kind, long times) in done)
            {
                _done[kind] = _done.GetValueOrDefault(kind) + times;
            }
        }
    }

    private async Task<string> RequestAsync(RedisSessionStoreFactory sessions, Random random)
    {
        int dice = random.Next(100);
        if (dice < 20)
        {
            int counter = random.Next(Counters);
            await Counter(sessions, counter).UpdateAsync(one => one.Set("n", one.Get("n", 0L) + 1)).ConfigureAwait(false);
            Interlocked.Increment(ref _acknowledged[counter]);
            return "updates";
        }

        // One in ten is of somebody who never comes back.
        string session = dice < 30 ? $"visitor{Interlocked.Increment(ref _visitors)}" : $"session{random.Next(Sessions)}";
        WorkflowSession workflow = new(sessions.Open(session), "checkout");
        await workflow.LoadAsync().ConfigureAwait(false);
        string kind =
            workflow.Count == 0 ? "begun"
            : dice < 60 ? "read"
            : dice < 95 ? "written"
            : "ended";
        switch (kind)
        {
            case "begun":
                for (int entry = 0; entry < 5; entry++)
                {
                    workflow.Set($"field{entry}", _value);
                }

                break;
            case "written":
                workflow.Set("field1", _value);
                break;
            case "ended":
                workflow.End();
                break;
        }

        try
        {
            await workflow.CommitAsync().ConfigureAwait(false);
        }
        catch (WorkflowConflictException conflict) when (conflict.Reason == WorkflowConflictReason.Ended)
        {
            // Another worker ended it meanwhile, or nobody came for long enough.
            return "refused";
        }

        return kind;
    }

    private static IEnumerable<string> Growth(List<Sample> samples)
    {
        Sample[] third = [.. samples.Skip(samples.Count / 2).Take(samples.Count / 4)];
        Sample[] last = [.. samples.Skip(samples.Count * 3 / 4)];
        foreach (
            (string what, Func<Sample, double> of, Func<double, double> most) in new (string, Func<Sample, double>, Func<double, double>)[]
            {
                ("bytes of the client", sample => sample.Client, before => before * (1 + Tolerance)),
                ("bytes of the server", sample => sample.Server, before => before * (1 + Tolerance)),
                ("connections", sample => sample.Clients, before => before),
                ("threads", sample => sample.Threads, before => before + ThreadTolerance),
            }
        )
        {
            double before = Median(third.Select(of));
            double after = Median(last.Select(of));
            Console.WriteLine(
                string.Create(CultureInfo.InvariantCulture, $"{what}: {before:N0} in the third quarter, {after:N0} in the fourth")
            );
            if (after > most(before))
            {
                yield return string.Create(CultureInfo.InvariantCulture, $"Grown: {what}, from {before:N0} to {after:N0}.");
            }
        }
    }

    private async Task<IEnumerable<string>> MiscountedAsync()
    {
        List<string> wrong = [];
        for (int i = 0; i < Counters; i++)
        {
            WorkflowSession counter = Counter(_factories[0], i);
            await counter.LoadAsync();
            if (counter.Get("n", 0L) != _acknowledged[i])
            {
                wrong.Add($"A counter is {counter.Get("n", 0L)} after {_acknowledged[i]} acknowledged updates.");
            }
        }

        Console.WriteLine(
            string.Create(
                CultureInfo.InvariantCulture,
                $"counters: {_acknowledged.Sum():N0} acknowledged updates, {wrong.Count} of {Counters} counters wrong"
            )
        );
        return wrong;
    }

    private async Task<IEnumerable<string>> LeftAsync(Sample first)
    {
        // The last load has renewed the counters. The server looks for what has expired ten times a second.
        long start = Stopwatch.GetTimestamp();
        Sample end = await TakeAsync(TimeSpan.Zero);
        while (end.Keys > 0 && Stopwatch.GetElapsedTime(start) < CounterIdle + TimeSpan.FromSeconds(10))
        {
            await Task.Delay(Tick);
            end = await TakeAsync(TimeSpan.Zero);
        }

        Console.WriteLine(
            string.Create(
                CultureInfo.InvariantCulture,
                $"at the end: {end.Keys} keys after {Stopwatch.GetElapsedTime(start).TotalSeconds:0.0} s, {end.Server:N0} bytes of the server, {first.Server:N0} when it began"
            )
        );
        return
        [
            .. end.Keys > 0 ? new[] { $"{end.Keys} keys are left." } : [],
            .. end.Server > first.Server + ServerRest ? new[] { $"{end.Server - first.Server:N0} bytes are left on the server." } : [],
        ];
    }

    private static WorkflowSession Counter(RedisSessionStoreFactory sessions, int counter) =>
        new(sessions.Open($"counter{counter}"), "counter");

    private static double Median(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return sorted[sorted.Length / 2];
    }

    private async Task<Sample> TakeAsync(TimeSpan time)
    {
        Dictionary<string, string> info = (await _server.InfoAsync()).SelectMany(group => group).ToDictionary(StringComparer.Ordinal);
        long Of(string name) => long.Parse(info[name], CultureInfo.InvariantCulture);
        using Process process = Process.GetCurrentProcess();
        return new Sample(
            time,
            Of("total_commands_processed"),
            GC.GetTotalMemory(forceFullCollection: true),
            Of("used_memory"),
            await _server.DatabaseSizeAsync(),
            Of("connected_clients"),
            process.Threads.Count
        );
    }

    private sealed record Sample(TimeSpan Time, long Commands, long Client, long Server, long Keys, long Clients, int Threads)
    {
        public override string ToString() =>
            string.Create(
                CultureInfo.InvariantCulture,
                $"| {Time.TotalSeconds:0} s | {Commands:N0} | {Client / 1_024:N0} KiB | {Server / 1_024:N0} KiB | {Keys:N0} | {Clients} | {Threads} |"
            );
    }
}
