using System.Diagnostics;
using WorkflowSessions.Contracts;

namespace WorkflowSessions.Benchmarks;

/// <summary>
/// How often one of two writes is lost: two requests at a time that write different keys, on two processes and one Redis, in ASP.NET Core's session, in
/// workflows in a distributed cache, and in workflows in Redis.
/// </summary>
internal static class LostUpdates
{
    private const int Trials = 300;

    public static async Task RunAsync()
    {
        using RedisServer redis = await RedisServer.StartAsync();
        Console.WriteLine($"| two requests at a time, {Trials} trials | a write lost |");
        Console.WriteLine("|---|---:|");
        foreach (
            (string kind, string name) in new[]
            {
                ("session", "ASP.NET Core Session on Microsoft's Redis cache"),
                ("cache", "WorkflowSessions on the same cache"),
                ("workflows", "WorkflowSessions on Redis"),
            }
        )
        {
            (Process first, Uri a) = await WebComparison.StartAsync(kind, redis.Address);
            (Process second, Uri b) = await WebComparison.StartAsync(kind, redis.Address);
            using HttpClient client = new(new SocketsHttpHandler { UseCookies = false });
            int lost = 0;
            for (int i = 0; i < Trials; i++)
            {
                lost += await LosesAsync(client, a, b) ? 1 : 0;
            }

            Console.WriteLine($"| {name} | {lost} |");
            foreach (Process process in new[] { first, second })
            {
                process.Kill();
                await process.WaitForExitAsync();
                process.Dispose();
            }
        }
    }

    private static async Task<bool> LosesAsync(HttpClient client, Uri first, Uri second)
    {
        using HttpResponseMessage begun = await client.GetAsync(new Uri(first, "/write"));
        string cookie = begun.Headers.GetValues("Set-Cookie").First().Split(';')[0];
        string[] answers = await Task.WhenAll(GetAsync(first, "/set/a"), GetAsync(second, "/set/b"));
        if (answers is not ["ok", "ok"])
        {
            throw new InvalidOperationException("A write was refused.");
        }

        return await GetAsync(first, "/has/a") != "True" || await GetAsync(first, "/has/b") != "True";

        async Task<string> GetAsync(Uri node, string path)
        {
            using HttpRequestMessage request = new(HttpMethod.Get, new Uri(node, path));
            request.Headers.Add("Cookie", cookie);
            using HttpResponseMessage response = await client.SendAsync(request);
            response.EnsureSuccessStatusCode();
            return await response.Content.ReadAsStringAsync();
        }
    }
}
