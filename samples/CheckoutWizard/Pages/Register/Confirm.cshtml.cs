using CheckoutWizard.Shop;
using Microsoft.AspNetCore.Mvc;
using WorkflowSessions.AspNetCore;

namespace CheckoutWizard.Pages.Register;

public sealed class ConfirmModel(IWorkflowSessions workflows) : WizardPage(workflows)
{
    public Account? Account { get; private set; }

    public async Task<IActionResult> OnGetAsync(CancellationToken cancellationToken)
    {
        RegistrationWorkflow registration = new(await Workflows.OpenAsync(RegistrationWorkflow.Id, cancellationToken));
        Account = registration.Account;
        return registration.NextStep == "/Register/Confirm" ? Page() : RedirectToPage(registration.NextStep);
    }

    public Task<IActionResult> OnPostAsync(CancellationToken cancellationToken) =>
        SaveAsync(
            async () =>
            {
                RegistrationWorkflow registration = new(await Workflows.OpenAsync(RegistrationWorkflow.Id, cancellationToken));
                if (registration.Account is { } account)
                {
                    (await Workflows.OpenAsync(Account.Id, cancellationToken)).Set("name", account.Name);
                    registration.End();
                    // A new account is a sign-in as well.
                    await Workflows.RegenerateIdAsync(account.Email, cancellationToken);
                }
            },
            "/SignIn",
            cancellationToken
        );
}
