using CheckoutWizard.Shop;
using Microsoft.AspNetCore.Mvc;
using WorkflowSessions.AspNetCore;

namespace CheckoutWizard.Pages.Register;

/// <summary>Goes on where the visitor left.</summary>
public sealed class IndexModel(IWorkflowSessions workflows) : WizardPage(workflows)
{
    public async Task<IActionResult> OnGetAsync(CancellationToken cancellationToken) =>
        RedirectToPage(new RegistrationWorkflow(await Workflows.OpenAsync(RegistrationWorkflow.Id, cancellationToken)).NextStep);
}
