using CheckoutWizard.Shop;
using Microsoft.AspNetCore.Mvc;
using WorkflowSessions.AspNetCore;

namespace CheckoutWizard.Pages.Register;

public sealed class AccountModel(IWorkflowSessions workflows) : RegistrationPage(workflows)
{
    [BindProperty]
    public Account Input { get; set; } = new();

    public async Task OnGetAsync(CancellationToken cancellationToken) => Input = (await FindAsync(cancellationToken))?.Account ?? Input;

    public Task<IActionResult> OnPostAsync(CancellationToken cancellationToken) =>
        SaveAsync(
            async () => (await FindAsync(cancellationToken) ?? await StartAsync(cancellationToken)).Account = Input,
            "/Register/Preferences",
            cancellationToken
        );
}
