using System.Diagnostics;
using WorkflowSessions.Contracts;

namespace WorkflowSessions.Architecture;

/// <summary>The checkout that the tests were built from.</summary>
internal static class Repository
{
    /// <summary>All files that belong to the project, without what was built.</summary>
    public static IEnumerable<string> Files(string folder, string pattern) =>
        Directory
            .EnumerateFiles(Path.Combine(Checkout.Root, folder), pattern, SearchOption.AllDirectories)
            .Where(file => !file.StartsWith(Path.Combine(Checkout.Root, "artifacts"), StringComparison.Ordinal));

    /// <summary>Runs a program to its end and returns what it printed; fails when it does.</summary>
    public static async Task<string> RunAsync(string program, string folder, params IEnumerable<string> arguments)
    {
        ProcessStartInfo start = new(program, arguments)
        {
            WorkingDirectory = folder,
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        // The test platform's own settings are not for a build that it did not start, and no build server may stay behind.
        foreach (
            string name in start.Environment.Keys.Where(name => name.StartsWith("MSBUILD", StringComparison.OrdinalIgnoreCase)).ToList()
        )
        {
            start.Environment.Remove(name);
        }

        start.Environment["MSBUILDDISABLENODEREUSE"] = "1";
        start.Environment["UseSharedCompilation"] = "false";
        start.Environment["DOTNET_CLI_USE_MSBUILD_SERVER"] = "0";
        using Process process = Process.Start(start)!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        Assert.That(
            process.ExitCode,
            Is.Zero,
            $"{program} {string.Join(' ', start.ArgumentList)}{Environment.NewLine}{output}{await errors}"
        );
        return output;
    }
}
