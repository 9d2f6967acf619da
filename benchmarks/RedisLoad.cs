using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using StackExchange.Redis;

namespace WorkflowSessions.Benchmarks;

/// <summary>What a load on a Redis takes, by the clock and of the processors of both sides.</summary>
/// <param name="Rate">How many a second.</param>
/// <param name="Client">Processor time of this process for one, in microseconds.</param>
/// <param name="Server">Processor time of the server for one, in microseconds.</param>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct RedisLoad(double Rate, double Client, double Server)
{
    /// <summary>Runs actions at the same time for a while. Each is told which session to take.</summary>
    public static async Task<RedisLoad> MeasureAsync(
        ConnectionMultiplexer connection,
        Func<int, Task> action,
        int inFlight,
        int sessions,
        TimeSpan duration
    )
    {
        IServer server = connection.GetServers()[0];
        using Process process = Process.GetCurrentProcess();
        int done = 0;
        double serverBefore = await ServerSecondsAsync(server);
        TimeSpan before = process.TotalProcessorTime;
        long start = Stopwatch.GetTimestamp();
        await Task.WhenAll(
            Enumerable
                .Range(0, inFlight)
                .Select(worker =>
                    Task.Run(async () =>
                    {
                        // Workers are far apart: two requests of one session at a time are not what is measured.
                        for (int i = worker * sessions / inFlight; Stopwatch.GetElapsedTime(start) < duration; i++)
                        {
                            await action(i % sessions).ConfigureAwait(false);
                            Interlocked.Increment(ref done);
                        }
                    })
                )
        );
        double rate = done / Stopwatch.GetElapsedTime(start).TotalSeconds;
        process.Refresh();
        return new RedisLoad(
            rate,
            (process.TotalProcessorTime - before).TotalMicroseconds / done,
            (await ServerSecondsAsync(server) - serverBefore) * 1_000_000 / done
        );
    }

    /// <summary>Measures actions in turns, after a round that warms up, and takes the medians.</summary>
    public static async Task<RedisLoad[]> MedianAsync(
        ConnectionMultiplexer connection,
        Func<int, Task>[] actions,
        int inFlight,
        int sessions,
        TimeSpan duration,
        int rounds
    )
    {
        List<RedisLoad>[] loads = [.. actions.Select(_ => new List<RedisLoad>())];
        for (int round = 0; round <= rounds; round++)
        {
            for (int i = 0; i < actions.Length; i++)
            {
                RedisLoad load = await MeasureAsync(connection, actions[i], inFlight, sessions, duration);
                if (round > 0)
                {
                    loads[i].Add(load);
                }
            }
        }

        return
        [
            .. loads.Select(all => new RedisLoad(
                Median(all.Select(load => load.Rate)),
                Median(all.Select(load => load.Client)),
                Median(all.Select(load => load.Server))
            )),
        ];

        static double Median(IEnumerable<double> values) => values.Order().ElementAt(values.Count() / 2);
    }

    private static async Task<double> ServerSecondsAsync(IServer server) =>
        (await server.InfoAsync("cpu"))
            .SelectMany(group => group)
            .Where(entry => entry.Key is "used_cpu_sys" or "used_cpu_user")
            .Sum(entry => double.Parse(entry.Value, CultureInfo.InvariantCulture));
}
