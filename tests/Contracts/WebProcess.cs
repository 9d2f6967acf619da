using System.Diagnostics;

namespace WorkflowSessions.Contracts;

/// <summary>A web application as a process of its own, on a free port, in Development; ended by who started it.</summary>
public sealed class WebProcess : IAsyncDisposable
{
    private readonly Process _process;

    private WebProcess(Process process, string address)
    {
        _process = process;
        Address = address;
    }

    public string Address { get; }

    /// <summary>Starts what was built, and returns when it listens.</summary>
    public static async Task<WebProcess> StartAsync(string program, string folder, params string[] arguments)
    {
        ProcessStartInfo start = new("dotnet", [program, "--urls", "http://127.0.0.1:0", .. arguments])
        {
            WorkingDirectory = folder,
            UseShellExecute = false,
            RedirectStandardOutput = true,
            // A cookie over plain HTTP to this machine, as a developer has it.
            Environment = { ["ASPNETCORE_ENVIRONMENT"] = "Development" },
        };
        Process process = Process.Start(start)!;
        const string Listening = "Now listening on: ";
        string? line;
        do
        {
            line = await process.StandardOutput.ReadLineAsync() ?? throw new InvalidOperationException("The application ended at once.");
        } while (!line.Contains(Listening, StringComparison.Ordinal));

        // A pipe that nobody empties would stop it one day.
        _ = process.StandardOutput.BaseStream.CopyToAsync(Stream.Null);
        return new WebProcess(process, line[(line.IndexOf(Listening, StringComparison.Ordinal) + Listening.Length)..].Trim());
    }

    /// <summary>Ends it without a chance to tidy up.</summary>
    public void Kill() => _process.Kill();

    public async ValueTask DisposeAsync()
    {
        Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
    }
}
