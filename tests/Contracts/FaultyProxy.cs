using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace WorkflowSessions.Contracts;

/// <summary>
/// A network between a client and a server that can be told to fail: connections are cut before, in the middle of or after a request or a reply, delayed, or
/// not made at all. It is ended by who started it.
/// </summary>
public sealed class FaultyProxy : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly ConcurrentDictionary<Socket, bool> _sockets = new();
    private readonly CancellationTokenSource _end = new();
    private readonly int _target;
    private Task _accepting = Task.CompletedTask;

    private FaultyProxy(int target) => _target = target;

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    public string Address => $"127.0.0.1:{Port}";

    /// <summary>What becomes of bytes on their way to the server; null for nothing special.</summary>
    public Fault? OnRequest { get; set; }

    /// <summary>What becomes of bytes on their way back; null for nothing special.</summary>
    public Fault? OnReply { get; set; }

    /// <summary>Whether connections are refused.</summary>
    public bool Refuses { get; set; }

    /// <summary>Decides how many of the bytes of one read are passed on; fewer than there are cuts the connection after them. It may wait.</summary>
    public delegate ValueTask<int> Fault(ReadOnlyMemory<byte> bytes);

    public static FaultyProxy Start(int target)
    {
        FaultyProxy proxy = new(target);
        proxy._listener.Start();
        proxy._accepting = proxy.AcceptAsync();
        return proxy;
    }

    /// <summary>Cuts all connections that there are.</summary>
    public void Cut()
    {
        foreach (Socket socket in _sockets.Keys)
        {
            Close(socket);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        _listener.Stop();
        Cut();
        await _accepting;
        _end.Dispose();
    }

    private async Task AcceptAsync()
    {
        List<Task> connections = [];
        try
        {
            while (!_end.IsCancellationRequested)
            {
                Socket client = await _listener.AcceptSocketAsync(_end.Token);
                if (Refuses)
                {
                    client.Dispose();
                    continue;
                }

                connections.Add(ServeAsync(client));
            }
        }
        catch (Exception error) when (error is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // It was ended.
        }

        await Task.WhenAll(connections);
    }

    private async Task ServeAsync(Socket client)
    {
        Socket server = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        client.NoDelay = true;
        _sockets[client] = _sockets[server] = true;
        try
        {
            await server.ConnectAsync(IPAddress.Loopback, _target, _end.Token);
            await Task.WhenAny(PassAsync(client, server, () => OnRequest), PassAsync(server, client, () => OnReply));
        }
        catch (Exception error) when (error is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // There is no server, or the proxy was ended.
        }
        finally
        {
            Close(client);
            Close(server);
        }
    }

    private static async Task PassAsync(Socket from, Socket to, Func<Fault?> fault)
    {
        byte[] buffer = new byte[64 * 1024];
        try
        {
            while (await from.ReceiveAsync(buffer) is > 0 and var read)
            {
                int passed = fault() is { } current ? await current(buffer.AsMemory(0, read)) : read;
                for (int sent = 0; sent < passed; )
                {
                    sent += await to.SendAsync(buffer.AsMemory(sent, passed - sent));
                }

                if (passed < read)
                {
                    return;
                }
            }
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException)
        {
            // One of the two is gone.
        }
    }

    private void Close(Socket socket)
    {
        _sockets.TryRemove(socket, out _);
        socket.Dispose();
    }
}
