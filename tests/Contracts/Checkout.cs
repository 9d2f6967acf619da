namespace WorkflowSessions.Contracts;

/// <summary>The checkout that the tests were built from.</summary>
public static class Checkout
{
    public static string Root { get; } = FindRoot();

    /// <summary>What was built of a project, in the configuration of the tests.</summary>
    public static string Built(string project, string file) =>
        Path.Combine(Root, "artifacts", "bin", project, new DirectoryInfo(TestContext.CurrentContext.TestDirectory).Name, file);

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
