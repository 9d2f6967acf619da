using System.Reflection;

namespace WorkflowSessions.Architecture;

/// <summary>The assemblies that are shipped.</summary>
internal static class Packages
{
    public static IEnumerable<Assembly> All { get; } =
    [typeof(WorkflowSession).Assembly, typeof(Redis.RedisSessionStoreFactory).Assembly, typeof(AspNetCore.IWorkflowSessions).Assembly];
}
