using Microsoft.AspNetCore.Mvc;

namespace WorkflowSessions.AspNetCore.Tests;

[ApiController]
public sealed class StepController(IWorkflowSessions sessions) : ControllerBase
{
    [HttpPost("/step/{step:int}")]
    public async Task<int> SetAsync(int step, CancellationToken cancellationToken)
    {
        WorkflowSession checkout = await sessions.OpenAsync("checkout", cancellationToken);
        checkout.Set("step", $"{step}");
        return step;
    }
}
