using Microsoft.Extensions.DependencyInjection;

namespace WorkflowSessions;

/// <summary>What the packages of the stores add themselves to.</summary>
public interface IWorkflowSessionsBuilder
{
    /// <summary>The services of the application.</summary>
    IServiceCollection Services { get; }
}
