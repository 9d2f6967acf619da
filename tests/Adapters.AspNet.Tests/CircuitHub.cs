using Microsoft.AspNetCore.SignalR;
using Microsoft.Extensions.DependencyInjection;

namespace WorkflowSessions.AspNetCore.Tests;

/// <summary>Makes a scope that outlives its calls, as the hub of Blazor does for a circuit.</summary>
internal sealed class CircuitHub(IServiceScopeFactory scopes) : Hub
{
    public async Task<string> OpenAsync()
    {
        IServiceScope circuit = scopes.CreateScope();
        try
        {
            WorkflowSession checkout = await circuit.ServiceProvider.GetRequiredService<IWorkflowSessions>().OpenAsync("checkout");
            checkout.Set("step", "2");
            return "opened";
        }
        catch (InvalidOperationException error)
        {
            return error.Message;
        }
    }
}
