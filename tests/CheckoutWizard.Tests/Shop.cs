using System.Diagnostics;

namespace CheckoutWizard.Tests;

/// <summary>The sample as a process of its own, as its users start it, on a free port; ended by who started it.</summary>
internal sealed class Shop : IAsyncDisposable
{
    private readonly Process _process;

    private Shop(Process process, string address)
    {
        _process = process;
        Address = address;
    }

    public string Address { get; }

    public static string Root { get; } = FindRoot();

    public static async Task<Shop> StartAsync(params string[] arguments)
    {
        string configuration = new DirectoryInfo(TestContext.CurrentContext.TestDirectory).Name;
        ProcessStartInfo start = new(
            "dotnet",
            [
                Path.Combine(Root, "artifacts", "bin", "CheckoutWizard", configuration, "CheckoutWizard.dll"),
                "--urls",
                "http://127.0.0.1:0",
                .. arguments,
            ]
        )
        {
            WorkingDirectory = Path.Combine(Root, "samples", "CheckoutWizard"),
            UseShellExecute = false,
            RedirectStandardOutput = true,
            Environment = { ["ASPNETCORE_ENVIRONMENT"] = "Development" },
        };
        Process process = Process.Start(start)!;
        const string Listening = "Now listening on: ";
        string? line;
        do
        {
            line = await process.StandardOutput.ReadLineAsync() ?? throw new InvalidOperationException("The shop ended at once.");
        } while (!line.Contains(Listening, StringComparison.Ordinal));

        // A pipe that nobody empties would stop it one day.
        _ = process.StandardOutput.BaseStream.CopyToAsync(Stream.Null);
        return new Shop(process, line[(line.IndexOf(Listening, StringComparison.Ordinal) + Listening.Length)..].Trim());
    }

    /// <summary>Ends it without a chance to tidy up.</summary>
    public void Kill() => _process.Kill();

    public async ValueTask DisposeAsync()
    {
        Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
    }

    private static string FindRoot()
    {
        DirectoryInfo folder = new(TestContext.CurrentContext.TestDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "WorkflowSessions.slnx")))
        {
            folder = folder.Parent ?? throw new InvalidOperationException("The tests are not in a checkout.");
        }

        return folder.FullName;
    }
}
