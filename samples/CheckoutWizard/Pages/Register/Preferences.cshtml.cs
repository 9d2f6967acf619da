using CheckoutWizard.Shop;
using Microsoft.AspNetCore.Mvc;
using WorkflowSessions.AspNetCore;

namespace CheckoutWizard.Pages.Register;

public sealed class PreferencesModel(IWorkflowSessions workflows) : RegistrationPage(workflows)
{
    [BindProperty]
    public Preferences Input { get; set; } = new();

    public async Task<IActionResult> OnGetAsync(CancellationToken cancellationToken)
    {
        RegistrationWorkflow? registration = await FindAsync(cancellationToken);
        Input = registration?.Preferences ?? Input;
        return registration?.Account is null ? RedirectToPage("/Register/Account", new { instance = Instance }) : Page();
    }

    public Task<IActionResult> OnPostAsync(CancellationToken cancellationToken) =>
        SaveStepAsync(
            registration =>
            {
                registration.Preferences = Input;
                return Task.CompletedTask;
            },
            "/Register/Confirm",
            cancellationToken
        );
}
