using CheckoutWizard.Shop;
using Microsoft.AspNetCore.Mvc;
using WorkflowSessions.AspNetCore;

namespace CheckoutWizard.Pages.Register;

public sealed class AccountModel(IWorkflowSessions workflows) : WizardPage(workflows)
{
    [BindProperty]
    public Account Input { get; set; } = new();

    public async Task OnGetAsync(CancellationToken cancellationToken) =>
        Input = new RegistrationWorkflow(await Workflows.OpenAsync(RegistrationWorkflow.Id, cancellationToken)).Account ?? Input;

    public Task<IActionResult> OnPostAsync(CancellationToken cancellationToken) =>
        SaveAsync(
            async () => new RegistrationWorkflow(await Workflows.OpenAsync(RegistrationWorkflow.Id, cancellationToken)).Account = Input,
            "/Register/Preferences",
            cancellationToken
        );
}
