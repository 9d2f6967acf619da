using PublicApiGenerator;

namespace WorkflowSessions.Architecture;

public sealed class PublicApiTests
{
    [TestCaseSource(typeof(Packages), nameof(Packages.All))]
    public void Public_api_is_the_approved_one(System.Reflection.Assembly package)
    {
        ArgumentNullException.ThrowIfNull(package);
        ApiGeneratorOptions options = new()
        {
            IncludeAssemblyAttributes = false,
            // Extension methods are in the namespaces of the platform.
            DenyNamespacePrefixes = [],
        };
        Approved.Verify($"{package.GetName().Name}", package.GeneratePublicApi(options));
    }
}
