using System.Net;
using System.Net.Sockets;

namespace WorkflowSessions.Benchmarks;

/// <summary>Stands between a client and a Redis, and counts the bytes of both directions and how often the direction turns.</summary>
internal sealed class DropInWire : IDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly int _port;
    private long _bytes;
    private long _roundTrips;

    public DropInWire(int port)
    {
        _port = port;
        _listener.Start();
        _ = AcceptAsync();
    }

    public string Address => $"127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}";

    public long Bytes => Interlocked.Read(ref _bytes);

    /// <summary>Answers that came behind something that was sent. With one request at a time that is what is waited for, and what goes on behind it.</summary>
    public long RoundTrips => Interlocked.Read(ref _roundTrips);

    public void Dispose() => _listener.Dispose();

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                Socket client = await _listener.AcceptSocketAsync();
                Socket server = new(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
                client.NoDelay = true;
                await server.ConnectAsync(IPAddress.Loopback, _port);
                StrongBox sent = new();
                _ = PumpAsync(client, server, () => sent.Value = true);
                _ = PumpAsync(
                    server,
                    client,
                    () =>
                    {
                        if (sent.Value)
                        {
                            sent.Value = false;
                            Interlocked.Increment(ref _roundTrips);
                        }
                    }
                );
            }
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException)
        {
            // The listener was closed.
        }
    }

    private async Task PumpAsync(Socket from, Socket to, Action received)
    {
        byte[] buffer = new byte[64 * 1024];
        try
        {
            while (await from.ReceiveAsync(buffer) is > 0 and int count)
            {
                received();
                Interlocked.Add(ref _bytes, count);
                for (int done = 0; done < count; )
                {
                    done += await to.SendAsync(buffer.AsMemory(done, count - done));
                }
            }
        }
        catch (SocketException)
        {
            // The server has ended.
        }

        from.Dispose();
        to.Dispose();
    }

    private sealed class StrongBox
    {
        private volatile bool _value;

        public bool Value
        {
            get => _value;
            set => _value = value;
        }
    }
}
