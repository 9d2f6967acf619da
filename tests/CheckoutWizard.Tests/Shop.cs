using WorkflowSessions.Contracts;

namespace CheckoutWizard.Tests;

/// <summary>The sample as a process of its own, as its users start it.</summary>
internal static class Shop
{
    public static string Root { get; } = FindRoot();

    public static Task<WebProcess> StartAsync(params string[] arguments)
    {
        string configuration = new DirectoryInfo(TestContext.CurrentContext.TestDirectory).Name;
        return WebProcess.StartAsync(
            Path.Combine(Root, "artifacts", "bin", "CheckoutWizard", configuration, "CheckoutWizard.dll"),
            Path.Combine(Root, "samples", "CheckoutWizard"),
            arguments
        );
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
