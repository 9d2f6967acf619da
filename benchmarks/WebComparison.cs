using System.Diagnostics;
using System.Globalization;
using WorkflowSessions.Contracts;

namespace WorkflowSessions.Benchmarks;

/// <summary>
/// Requests a second, and bytes allocated per request, of one endpoint over HTTP: without a session, with ASP.NET Core's, and with workflows. The
/// server is a process of its own on the same machine. Rounds take turns, and the fastest of each counts.
/// </summary>
internal static class WebComparison
{
    private const int Rounds = 3;
    private const int InFlight = 32;
    private static readonly TimeSpan Round = TimeSpan.FromSeconds(1);

    public static async Task RunAsync()
    {
        using RedisServer redis = await RedisServer.StartAsync();
        Console.WriteLine(
            "| store | endpoint | no session /s | ASP.NET Core Session /s | WorkflowSessions /s | to session | allocated without | by session | by WorkflowSessions |"
        );
        Console.WriteLine("|---|---|---:|---:|---:|---:|---:|---:|---:|");
        foreach ((string store, string address) in new[] { ("in memory", ""), ("Redis", redis.Address) })
        {
            List<(Process Process, Uri Address)> servers = [];
            foreach (string kind in new[] { "none", "session", "workflows" })
            {
                servers.Add(await StartAsync(kind, address));
            }

            foreach (string endpoint in new[] { "nothing", "read", "write" })
            {
                double[] best = new double[servers.Count];
                long[] allocated = new long[servers.Count];
                for (int round = 0; round <= Rounds; round++)
                {
                    for (int i = 0; i < servers.Count; i++)
                    {
                        if (i == 0 && endpoint != "nothing")
                        {
                            continue;
                        }

                        (double rate, long bytes) = await WebLoad.RunAsync(servers[i].Address, $"/{endpoint}", InFlight, Round);
                        // The first round warms up.
                        best[i] = round == 0 ? 0 : Math.Max(best[i], rate);
                        allocated[i] = bytes;
                    }
                }

                string none = endpoint == "nothing" ? best[0].ToString("N0", CultureInfo.InvariantCulture) : "";
                string noneBytes = endpoint == "nothing" ? $"{allocated[0]:0} B" : "";
                Console.WriteLine(
                    string.Create(
                        CultureInfo.InvariantCulture,
                        $"| {store} | {endpoint} | {none} | {best[1]:N0} | {best[2]:N0} | {best[2] / best[1]:0.00} | {noneBytes} | {allocated[1]:N0} B | {allocated[2]:N0} B |"
                    )
                );
            }

            foreach ((Process process, _) in servers)
            {
                process.Kill();
                await process.WaitForExitAsync();
                process.Dispose();
            }
        }
    }

    /// <summary>Starts a server in a process of its own, which the caller ends.</summary>
    public static async Task<(Process Process, Uri Address)> StartAsync(string kind, string redis)
    {
        ProcessStartInfo start = new(Environment.ProcessPath!, [.. Arguments(), "--web-server", kind, redis])
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
        };
        Process process = Process.Start(start)!;
        string address = await process.StandardOutput.ReadLineAsync() ?? throw new InvalidOperationException("The server ended at once.");
        return (process, new Uri(address));
    }

    /// <summary>What the host of this program needs before the arguments, when it is not the program itself.</summary>
    private static string[] Arguments() =>
        Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet" ? [typeof(WebComparison).Assembly.Location] : [];
}
