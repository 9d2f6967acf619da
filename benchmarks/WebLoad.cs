using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace WorkflowSessions.Benchmarks;

/// <summary>Sends one request over and over on connections of its own, with as little work as that takes, because it shares the processor with the server.</summary>
internal static class WebLoad
{
    /// <returns>Responses a second, and the bytes that the server allocated for each.</returns>
    public static async Task<(double Rate, long Bytes)> RunAsync(Uri address, string path, int inFlight, TimeSpan duration)
    {
        // The first response sets the cookie.
        using HttpClient client = new(new SocketsHttpHandler { UseCookies = false }) { BaseAddress = address };
        using HttpResponseMessage begun = await client.GetAsync(new Uri("/write", UriKind.Relative));
        string cookie = begun.Headers.TryGetValues("Set-Cookie", out IEnumerable<string>? values)
            ? $"Cookie: {values.First().Split(';')[0]}\r\n"
            : "";
        byte[] request = Encoding.ASCII.GetBytes($"GET {path} HTTP/1.1\r\nHost: {address.Authority}\r\n{cookie}\r\n");
        long before = await AllocatedAsync(client);
        int done = 0;
        long start = Stopwatch.GetTimestamp();
        await Task.WhenAll(
            Enumerable
                .Range(0, inFlight)
                .Select(_ =>
                    Task.Run(async () =>
                    {
                        using Socket socket = new(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
                        await socket.ConnectAsync(address.Host, address.Port);
                        byte[] buffer = new byte[4096];
                        while (Stopwatch.GetElapsedTime(start) < duration)
                        {
                            await socket.SendAsync(request);
                            await ReceiveAsync(socket, buffer);
                            Interlocked.Increment(ref done);
                        }
                    })
                )
        );
        double rate = done / Stopwatch.GetElapsedTime(start).TotalSeconds;
        return (rate, (await AllocatedAsync(client) - before) / done);
    }

    private static async Task<long> AllocatedAsync(HttpClient client) =>
        long.Parse(await client.GetStringAsync(new Uri("/allocated", UriKind.Relative)), CultureInfo.InvariantCulture);

    /// <summary>Receives one response, whose body is the two characters "ok".</summary>
    private static async Task ReceiveAsync(Socket socket, byte[] buffer)
    {
        int length = 0;
        do
        {
            int received = await socket.ReceiveAsync(buffer.AsMemory(length));
            length += received > 0 ? received : throw new IOException("The connection was closed.");
        } while (!buffer.AsSpan(0, length).EndsWith("\r\n\r\nok"u8));

        if (!buffer.AsSpan(0, length).StartsWith("HTTP/1.1 200"u8))
        {
            throw new IOException("The response was no success.");
        }
    }
}
