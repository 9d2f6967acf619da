using CheckoutWizard.Shop;
using Microsoft.AspNetCore.Mvc;
using WorkflowSessions;
using WorkflowSessions.AspNetCore;

namespace CheckoutWizard;

/// <summary>A step of a registration. Each tab has an instance of it, which is in the address of the page.</summary>
public abstract class RegistrationPage(IWorkflowSessions workflows) : WizardPage(workflows)
{
    private const string Over =
        "This registration is over: it has expired, or was ended in another tab. What you typed is still here; choose Register to begin again.";

    /// <summary>Which registration; null on the first page of a new one.</summary>
    [BindProperty(SupportsGet = true)]
    public string? Instance { get; set; }

    protected override object? RouteTo(string next) =>
        next.StartsWith("/Register/", StringComparison.Ordinal) ? new { instance = Instance } : null;

    /// <summary>The registration of this tab; null when there is none, so that an old page does not begin one.</summary>
    protected async Task<RegistrationWorkflow?> FindAsync(CancellationToken cancellationToken) =>
        await Workflows.FindAsync(RegistrationWorkflow.Id, Instance, cancellationToken) is { } workflow
            ? new RegistrationWorkflow(workflow)
            : null;

    /// <summary>Starts a registration for this tab.</summary>
    protected async Task<RegistrationWorkflow> StartAsync(CancellationToken cancellationToken)
    {
        WorkflowSession workflow = await Workflows.StartAsync(RegistrationWorkflow.Id, cancellationToken);
        Instance = workflow.InstanceId;
        return new RegistrationWorkflow(workflow);
    }

    /// <summary>Saves a step of a registration that is there.</summary>
    protected Task<IActionResult> SaveStepAsync(
        Func<RegistrationWorkflow, Task> change,
        string next,
        CancellationToken cancellationToken
    ) =>
        SaveAsync(
            async () =>
            {
                if (await FindAsync(cancellationToken) is { } registration)
                {
                    await change(registration);
                }
                else
                {
                    ModelState.AddModelError("", Over);
                }
            },
            next,
            cancellationToken
        );
}
