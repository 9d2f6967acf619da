using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace WorkflowSessions.Contracts;

/// <summary>
/// A real Redis or Valkey on a free port of this machine, with a folder of its own. It is ended by who started it. Tests share one, which may
/// also be one that runs already, at the address in WORKFLOWSESSIONS_REDIS; those that break a server start their own.
/// </summary>
public sealed class RedisServer : IDisposable
{
    private const string AddressVariable = "WORKFLOWSESSIONS_REDIS";

    private static readonly Lazy<Task<RedisServer?>> SharedServer = new(async () =>
        Environment.GetEnvironmentVariable(AddressVariable) is null ? await StartAsync() : null
    );

    private readonly string _program;
    private readonly string[] _arguments;
    private readonly string _folder = Directory.CreateTempSubdirectory("workflowsessions-redis-").FullName;
    private Process? _process;

    private RedisServer(string program, string[] arguments)
    {
        _program = program;
        _arguments = arguments;
        using TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();
        Port = ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    public int Port { get; }

    public string Address => $"127.0.0.1:{Port}";

    /// <summary>The address of the server that tests share.</summary>
    public static async Task<string> SharedAddressAsync() =>
        Environment.GetEnvironmentVariable(AddressVariable) ?? (await SharedServer.Value)!.Address;

    /// <summary>Ends the shared server, if this process started it.</summary>
    public static async Task EndSharedAsync()
    {
        if (SharedServer.IsValueCreated)
        {
            (await SharedServer.Value)?.Dispose();
        }
    }

    /// <summary>Starts a server; nothing is kept on disk unless the arguments say so.</summary>
    public static async Task<RedisServer> StartAsync(params string[] arguments)
    {
        RedisServer server = new(FindProgram(), arguments);
        await server.RunAsync();
        return server;
    }

    /// <summary>Starts it, also again after <see cref="Kill"/>, and returns when it answers.</summary>
    public async Task RunAsync()
    {
        ProcessStartInfo start = new(
            _program,
            ["--port", Port.ToString(CultureInfo.InvariantCulture), "--bind", "127.0.0.1", "--dir", _folder, "--save", "", .. _arguments]
        )
        {
            RedirectStandardOutput = true,
            UseShellExecute = false,
        };
        _process = Process.Start(start)!;
        string? line;
        do
        {
            line =
                await _process.StandardOutput.ReadLineAsync()
                ?? throw new InvalidOperationException($"{_program} ended at once, with exit code {_process.ExitCode}.");
        } while (!line.Contains("Ready to accept connections", StringComparison.Ordinal));

        // A pipe that nobody empties would stop it one day.
        _ = _process.StandardOutput.BaseStream.CopyToAsync(Stream.Null);
    }

    /// <summary>Ends it without a chance to tidy up.</summary>
    public void Kill()
    {
        if (_process is not null)
        {
            _process.Kill();
            _process.WaitForExit();
            _process.Dispose();
            _process = null;
        }
    }

    public void Dispose()
    {
        Kill();
        Directory.Delete(_folder, recursive: true);
    }

    private static string FindProgram() =>
        (
            from name in new[] { "redis-server", "valkey-server" }
            from folder in (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
            let file = Path.Combine(folder, name)
            where File.Exists(file)
            select file
        ).FirstOrDefault()
        ?? throw new InvalidOperationException(
            $"The tests need a Redis: install redis-server or valkey-server, or set {AddressVariable} to the address of one."
        );
}
