using System.Globalization;
using Microsoft.AspNetCore.SignalR;

namespace WorkflowSessions.AspNetCore.Tests;

public sealed class StepHub(IWorkflowSessions sessions) : Hub
{
    public async Task<string> Next()
    {
        WorkflowSession checkout = await sessions.OpenAsync("checkout");
        string next = (int.Parse(checkout.Get("step", "0")!, CultureInfo.InvariantCulture) + 1).ToString(CultureInfo.InvariantCulture);
        checkout.Set("step", next);
        return next;
    }

    public string? Plain() => Context.ConnectionId.Length > 0 ? "ok" : null;

    public async Task<string> Fail()
    {
        await Next();
        throw new InvalidOperationException("bad luck");
    }
}
