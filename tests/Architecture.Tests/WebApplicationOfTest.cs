using System.Diagnostics;

namespace WorkflowSessions.Architecture;

/// <summary>A web application that runs as a process of its own, on a free port, until the test ends it.</summary>
internal sealed class WebApplicationOfTest : IAsyncDisposable
{
    private readonly Process _process;

    private WebApplicationOfTest(Process process, Uri address)
    {
        _process = process;
        Client = new HttpClient { BaseAddress = address };
    }

    public HttpClient Client { get; }

    /// <summary>Builds the application of a folder, starts it, and returns when it listens.</summary>
    public static async Task<WebApplicationOfTest> StartAsync(string folder)
    {
        await Repository.RunAsync("dotnet", folder, "build", "-c", "Release", "-o", Path.Combine(folder, "built"));
        ProcessStartInfo start = new(
            "dotnet",
            [Path.Combine(folder, "built", $"{Path.GetFileName(folder)}.dll"), "--urls", "http://127.0.0.1:0"]
        )
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

        _ = process.StandardOutput.BaseStream.CopyToAsync(Stream.Null);
        string address = line[(line.IndexOf(Listening, StringComparison.Ordinal) + Listening.Length)..];
        return new WebApplicationOfTest(process, new Uri(address));
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        _process.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
    }
}
