using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace WorkflowSessions.Contracts;

/// <summary>
/// A real Redis or Valkey on a free port of this machine, with a folder of its own: the program that WORKFLOWSESSIONS_REDIS_PROGRAM names, one on the
/// PATH, or else a container of the docker command line. It is ended by who started it. Tests share one, which may also be one that runs already, at
/// the address in WORKFLOWSESSIONS_REDIS; those that break a server start their own.
/// </summary>
public sealed class RedisServer : IDisposable
{
    private const string AddressVariable = "WORKFLOWSESSIONS_REDIS";
    private const string ProgramVariable = "WORKFLOWSESSIONS_REDIS_PROGRAM";
    private const string Image = "redis:7.2";

    // The nodes of a cluster speak with each other at their port and this.
    private const int BusOffset = 10_000;

#if TESTCONTAINERS
    private static readonly Lazy<Task<Testcontainers.Redis.RedisContainer>> SharedServer = new(async () =>
    {
        Testcontainers.Redis.RedisContainer container = new Testcontainers.Redis.RedisBuilder(Image).Build();
        await container.StartAsync();
        return container;
    });
#else
    private static readonly Lazy<Task<RedisServer>> SharedServer = new(() => StartAsync());
#endif

    private readonly string _program = FindProgram();
    private readonly string[] _arguments;
    private readonly string _folder = Directory.CreateTempSubdirectory("workflowsessions-redis-").FullName;
    private Process? _process;

    private RedisServer(string[] arguments)
    {
        _arguments = arguments;
        bool inCluster = arguments.Contains("--cluster-enabled", StringComparer.Ordinal);
        do
        {
            using TcpListener listener = new(IPAddress.Loopback, 0);
            listener.Start();
            Port = ((IPEndPoint)listener.LocalEndpoint).Port;
        } while (inCluster && !IsFree(Port + BusOffset));
    }

    public int Port { get; }

    public bool IsRunning => _process is not null;

    public string Address => $"127.0.0.1:{Port}";

    private bool InContainer => Path.GetFileName(_program) == "docker";

    // Of the container, and of the volume that it leaves when it is killed.
    private string Name => Path.GetFileName(_folder);

    /// <summary>The address of the server that tests share.</summary>
    public static async Task<string> SharedAddressAsync()
    {
        if (Environment.GetEnvironmentVariable(AddressVariable) is { } address)
        {
            return address;
        }

#if TESTCONTAINERS
        return (await SharedServer.Value).GetConnectionString();
#else
        return (await SharedServer.Value).Address;
#endif
    }

    /// <summary>Ends the shared server, if this process started it.</summary>
    public static async Task EndSharedAsync()
    {
        if (SharedServer.IsValueCreated)
        {
#if TESTCONTAINERS
            await (await SharedServer.Value).DisposeAsync();
#else
            (await SharedServer.Value).Dispose();
#endif
        }
    }

    /// <summary>Starts a server; nothing is kept on disk unless the arguments say so.</summary>
    public static async Task<RedisServer> StartAsync(params string[] arguments)
    {
        RedisServer server = new(arguments);
        await server.RunAsync();
        return server;
    }

    /// <summary>Starts it, also again after <see cref="Kill"/>, and returns when it answers.</summary>
    /// <param name="arguments">Arguments for this time, behind those that it always has.</param>
    public async Task RunAsync(params string[] arguments)
    {
        string port = Port.ToString(CultureInfo.InvariantCulture);
        string[] options = ["--port", port, "--save", "", .. _arguments, .. arguments];
        ProcessStartInfo start = new(
            _program,
            InContainer
                ?
                [
                    .. new[] { "run", "--rm", "--name", Name, "--publish", $"127.0.0.1:{port}:{port}", "--volume", $"{Name}:/data", Image },
                    .. new[] { "redis-server", "--dir", "/data", "--protected-mode", "no" },
                    .. options,
                ]
                : ["--bind", "127.0.0.1", "--dir", _folder, .. options]
        )
        {
            RedirectStandardOutput = true,
            UseShellExecute = false,
        };
        _process = Process.Start(start)!;
        string? line;
        do
        {
            line = await _process.StandardOutput.ReadLineAsync();
            if (line is null)
            {
                await _process.WaitForExitAsync();
                throw new InvalidOperationException($"{_program} ended at once, with exit code {_process.ExitCode}.");
            }
        } while (!line.Contains("Ready to accept connections", StringComparison.Ordinal));

        // A pipe that nobody empties would stop it one day.
        _ = _process.StandardOutput.BaseStream.CopyToAsync(Stream.Null);
    }

    /// <summary>Has it do one command, in ASCII, on a connection of its own.</summary>
    /// <returns>A text, a number, null, or an array of those.</returns>
    public async Task<object?> DoAsync(params string[] command)
    {
        using TcpClient client = new();
        await client.ConnectAsync(IPAddress.Loopback, Port);
        NetworkStream stream = client.GetStream();
        string request = $"*{command.Length}\r\n{string.Concat(command.Select(word => $"${word.Length}\r\n{word}\r\n"))}";
        await stream.WriteAsync(Encoding.ASCII.GetBytes(request));
        using StreamReader reader = new(stream, Encoding.ASCII);
        return await ReadAsync(reader);
    }

    /// <summary>Ends it without a chance to tidy up.</summary>
    public void Kill()
    {
        if (_process is not null)
        {
            if (InContainer)
            {
                Run("docker", "kill", Name);
            }
            else
            {
                _process.Kill();
            }

            _process.WaitForExit();
            _process.Dispose();
            _process = null;
        }
    }

    /// <summary>Stops it in the middle of what it does: connections stay, and nobody gets an answer.</summary>
    public void Freeze() => Signal("STOP", "pause");

    /// <summary>Lets it go on after <see cref="Freeze"/>.</summary>
    public void Thaw() => Signal("CONT", "unpause");

    public void Dispose()
    {
        Kill();
        if (InContainer)
        {
            Run("docker", "volume", "rm", Name);
        }

        Directory.Delete(_folder, recursive: true);
    }

    private static async Task<object?> ReadAsync(StreamReader reader)
    {
        string line = await reader.ReadLineAsync() ?? throw new InvalidOperationException("The server closed the connection.");
        switch (line[0])
        {
            case '+':
                return line[1..];
            case '-':
                throw new InvalidOperationException(line[1..]);
            case ':':
                return long.Parse(line.AsSpan(1), CultureInfo.InvariantCulture);
        }

        int length = int.Parse(line.AsSpan(1), CultureInfo.InvariantCulture);
        if (length < 0)
        {
            return null;
        }

        if (line[0] == '$')
        {
            char[] text = new char[length + 2];
            await reader.ReadBlockAsync(text);
            return new string(text, 0, length);
        }

        object?[] items = new object?[length];
        for (int i = 0; i < length; i++)
        {
            items[i] = await ReadAsync(reader);
        }

        return items;
    }

    private static bool IsFree(int port)
    {
        if (port > IPEndPoint.MaxPort)
        {
            return false;
        }

        using Socket socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.Bind(new IPEndPoint(IPAddress.Loopback, port));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private void Signal(string signal, string command)
    {
        if (InContainer)
        {
            Run("docker", command, Name);
        }
        else
        {
            Run("kill", $"-{signal}", _process!.Id.ToString(CultureInfo.InvariantCulture));
        }
    }

    private static void Run(string program, params string[] arguments)
    {
        using Process process = Process.Start(
            new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, UseShellExecute = false }
        )!;
        process.WaitForExit();
    }

    private static string FindProgram() =>
        Environment.GetEnvironmentVariable(ProgramVariable)
        ?? Programs.Find("redis-server", "valkey-server", "docker")
        ?? throw new InvalidOperationException(
            $"The tests need a Redis: install redis-server, valkey-server or docker, or set {ProgramVariable} to the file of another server."
        );
}
