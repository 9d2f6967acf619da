using System.Diagnostics;

namespace WorkflowSessions.Redis.Tests;

/// <summary>A node of a farm in a process of its own, which is told line by line what to do.</summary>
internal sealed class Node : IDisposable
{
    private readonly Process _process;

    private Node(Process process) => _process = process;

    public static Node Start(string address, string prefix, bool broken = false)
    {
        string program = Path.Combine(TestContext.CurrentContext.TestDirectory, "Adapters.Redis.Worker.dll");
        ProcessStartInfo start = new("dotnet", [program, address, prefix, broken ? "broken" : "sound"])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            UseShellExecute = false,
        };
        return new Node(Process.Start(start)!);
    }

    /// <summary>Has a line done, and returns the answer.</summary>
    public async Task<string> DoAsync(string line)
    {
        await _process.StandardInput.WriteLineAsync(line);
        await _process.StandardInput.FlushAsync();
        return await _process.StandardOutput.ReadLineAsync() ?? throw new InvalidOperationException("The node has ended.");
    }

    public void Dispose()
    {
        _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
    }
}
