using CheckoutWizard.Shop;
using Microsoft.AspNetCore.Mvc;
using WorkflowSessions.AspNetCore;

namespace CheckoutWizard.Pages.Register;

public sealed class PreferencesModel(IWorkflowSessions workflows) : WizardPage(workflows)
{
    [BindProperty]
    public Preferences Input { get; set; } = new();

    public async Task<IActionResult> OnGetAsync(CancellationToken cancellationToken)
    {
        RegistrationWorkflow registration = new(await Workflows.OpenAsync(RegistrationWorkflow.Id, cancellationToken));
        Input = registration.Preferences ?? Input;
        return registration.Account is null ? RedirectToPage("/Register/Account") : Page();
    }

    public Task<IActionResult> OnPostAsync(CancellationToken cancellationToken) =>
        SaveAsync(
            async () => new RegistrationWorkflow(await Workflows.OpenAsync(RegistrationWorkflow.Id, cancellationToken)).Preferences = Input,
            "/Register/Confirm",
            cancellationToken
        );
}
