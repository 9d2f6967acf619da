using System.Diagnostics;
using System.Globalization;
using WorkflowSessions.Contracts;

namespace WorkflowSessions.Benchmarks;

/// <summary>
/// One application written for <c>HttpContext.Session</c> over HTTP, on ASP.NET Core's session with Microsoft's Redis cache and on ours: requests a second,
/// bytes allocated, and what goes over the wire to Redis. Each server is a process of its own. Rounds take turns, and the fastest of each counts.
/// </summary>
internal static class DropInComparison
{
    private const int Rounds = 3;
    private const int InFlight = 32;
    private const int Counted = 200;
    private static readonly TimeSpan Round = TimeSpan.FromSeconds(1);

    public static async Task RunAsync()
    {
        using RedisServer redis = await RedisServer.StartAsync();
        Console.WriteLine("| an endpoint that uses no session, called with a cookie | /s | allocated |");
        Console.WriteLine("|---|---:|---:|");
        string[] kinds = ["none", "workflows", "drop-in", "session"];
        (double Rate, long Bytes)[] nothing = await MeasureAsync(kinds, redis.Address, bytes: 0, "/nothing");
        for (int i = 0; i < kinds.Length; i++)
        {
            Console.WriteLine(
                string.Create(CultureInfo.InvariantCulture, $"| {kinds[i]} | {nothing[i].Rate:N0} | {nothing[i].Bytes:N0} B |")
            );
        }

        Console.WriteLine();
        Console.WriteLine(
            "| session | request | ASP.NET Core Session /s | drop-in /s | ratio | round trips by session | by drop-in | on the wire by session | by drop-in | allocated by session | by drop-in |"
        );
        Console.WriteLine("|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|");
        foreach (int bytes in new[] { 300, 3_000, 400_000 })
        {
            foreach (string path in new[] { "/read", "/write" })
            {
                (double Rate, long Bytes)[] load = await MeasureAsync(["session", "drop-in"], redis.Address, bytes, path);
                (double RoundTrips, double Bytes) session = await CountAsync("session", redis.Port, bytes, path);
                (double RoundTrips, double Bytes) ours = await CountAsync("drop-in", redis.Port, bytes, path);
                Console.WriteLine(
                    string.Create(
                        CultureInfo.InvariantCulture,
                        $"| {bytes / 1_000.0:0.#} KB | {path[1..]} | {load[0].Rate:N0} | {load[1].Rate:N0} | {load[1].Rate / load[0].Rate:0.00} | {session.RoundTrips:0.0} | {ours.RoundTrips:0.0} | {session.Bytes:N0} B | {ours.Bytes:N0} B | {load[0].Bytes:N0} B | {load[1].Bytes:N0} B |"
                    )
                );
            }
        }
    }

    private static async Task<(double Rate, long Bytes)[]> MeasureAsync(string[] kinds, string redis, int bytes, string path)
    {
        List<(Process Process, Uri Address)> servers = [];
        foreach (string kind in kinds)
        {
            servers.Add(await StartAsync(kind, redis, bytes));
        }

        (double Rate, long Bytes)[] best = new (double, long)[kinds.Length];
        for (int round = 0; round <= Rounds; round++)
        {
            for (int i = 0; i < servers.Count; i++)
            {
                (double rate, long allocated) = await WebLoad.RunAsync(servers[i].Address, path, InFlight, Round);
                // The first round warms up.
                best[i] = (round == 0 ? 0 : Math.Max(best[i].Rate, rate), allocated);
            }
        }

        foreach ((Process process, _) in servers)
        {
            await EndAsync(process);
        }

        return best;
    }

    /// <returns>Round trips and bytes between the server and Redis, per request, of requests one after the other.</returns>
    private static async Task<(double RoundTrips, double Bytes)> CountAsync(string kind, int port, int bytes, string path)
    {
        using DropInWire wire = new(port);
        (Process process, Uri address) = await StartAsync(kind, wire.Address, bytes);
        using HttpClient client = new(new SocketsHttpHandler { UseCookies = false }) { BaseAddress = address };
        using HttpResponseMessage begun = await client.GetAsync(new Uri("/write", UriKind.Relative));
        client.DefaultRequestHeaders.Add("Cookie", begun.EnsureSuccessStatusCode().Headers.GetValues("Set-Cookie").First().Split(';')[0]);
        for (int i = 0; i < 10; i++)
        {
            await client.GetStringAsync(new Uri(path, UriKind.Relative));
        }

        (long roundTrips, long sent) = (wire.RoundTrips, wire.Bytes);
        for (int i = 0; i < Counted; i++)
        {
            await client.GetStringAsync(new Uri(path, UriKind.Relative));
        }

        (double, double) perRequest = ((wire.RoundTrips - roundTrips) / (double)Counted, (wire.Bytes - sent) / (double)Counted);
        await EndAsync(process);
        return perRequest;
    }

    private static async Task<(Process Process, Uri Address)> StartAsync(string kind, string redis, int bytes)
    {
        // What the host of this program needs before the arguments, when it is not the program itself.
        string[] program =
            Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet" ? [typeof(DropInComparison).Assembly.Location] : [];
        ProcessStartInfo start = new(
            Environment.ProcessPath!,
            [.. program, "--drop-in-server", kind, redis, bytes.ToString(CultureInfo.InvariantCulture)]
        )
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
        };
        Process process = Process.Start(start)!;
        string address = await process.StandardOutput.ReadLineAsync() ?? throw new InvalidOperationException("The server ended at once.");
        return (process, new Uri(address));
    }

    private static async Task EndAsync(Process process)
    {
        process.Kill();
        await process.WaitForExitAsync();
        process.Dispose();
    }
}
