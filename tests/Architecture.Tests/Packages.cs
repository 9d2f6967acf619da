using System.Reflection;

namespace WorkflowSessions.Architecture;

/// <summary>The assemblies that are shipped: one for each project in <c>src</c>.</summary>
internal static class Packages
{
    // A project that the tests do not reference fails here, so that none is left out.
    public static IEnumerable<Assembly> All { get; } =
    [
        .. Repository
            .Files("src", "*.csproj")
            .Select(project => Assembly.Load(Path.GetFileNameWithoutExtension(project)))
            .OrderBy(assembly => assembly.GetName().Name, StringComparer.Ordinal),
    ];
}
