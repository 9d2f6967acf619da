using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace WorkflowSessions.Redis.Explorer;

/// <summary>
/// A connection to a real server that waits for each answer on the calling thread. So an explorer needs no other thread, and a schedule replays
/// exactly. Not thread-safe.
/// </summary>
internal sealed class ServerConnection : IDisposable
{
    private readonly Socket _socket;
    private readonly byte[] _buffer = new byte[65_536];
    private readonly MemoryStream _request = new();
    private int _start;
    private int _end;

    public ServerConnection(int port)
    {
        _socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        _socket.Connect(IPAddress.Loopback, port);
    }

    /// <returns>A number, bytes, a status as text, null, a <see cref="ServerError"/>, or an array of those.</returns>
    public object? Do(params byte[][] words)
    {
        Write(words);
        Flush();
        return Read();
    }

    /// <summary>Runs two commands in one round trip.</summary>
    public (object? First, object? Second) DoBoth(byte[][] first, byte[][] second)
    {
        Write(first);
        Write(second);
        Flush();
        return (Read(), Read());
    }

    public object? Do(params string[] words) => Do([.. words.Select(Encoding.UTF8.GetBytes)]);

    public void Dispose()
    {
        _socket.Dispose();
        _request.Dispose();
    }

    private void Write(byte[][] words)
    {
        Append($"*{words.Length}\r\n");
        foreach (byte[] word in words)
        {
            Append($"${word.Length}\r\n");
            _request.Write(word);
            Append("\r\n");
        }
    }

    private void Append(FormattableString text) => Append(text.ToString(CultureInfo.InvariantCulture));

    private void Append(string text) => _request.Write(Encoding.ASCII.GetBytes(text));

    private void Flush()
    {
        ReadOnlySpan<byte> rest = _request.GetBuffer().AsSpan(0, (int)_request.Length);
        while (rest.Length > 0)
        {
            rest = rest[_socket.Send(rest)..];
        }

        _request.SetLength(0);
    }

    private object? Read()
    {
        string line = ReadLine();
        switch (line[0])
        {
            case '+':
                return line[1..];
            case '-':
                return new ServerError(line[1..]);
            case ':':
                return long.Parse(line.AsSpan(1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
        }

        int length = int.Parse(line.AsSpan(1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
        if (length < 0)
        {
            return null;
        }

        if (line[0] == '*')
        {
            object?[] items = new object?[length];
            for (int i = 0; i < length; i++)
            {
                items[i] = Read();
            }

            return items;
        }

        byte[] bytes = new byte[length];
        for (int i = 0; i < length; i++)
        {
            bytes[i] = ReadByte();
        }

        _ = ReadByte();
        _ = ReadByte();
        return bytes;
    }

    private string ReadLine()
    {
        StringBuilder line = new();
        for (byte next = ReadByte(); next != '\r'; next = ReadByte())
        {
            line.Append((char)next);
        }

        _ = ReadByte();
        return line.ToString();
    }

    private byte ReadByte()
    {
        if (_start == _end)
        {
            _start = 0;
            _end = _socket.Receive(_buffer);
            if (_end == 0)
            {
                throw new InvalidOperationException("The server closed the connection.");
            }
        }

        return _buffer[_start++];
    }
}
