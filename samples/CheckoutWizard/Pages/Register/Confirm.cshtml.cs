using CheckoutWizard.Shop;
using Microsoft.AspNetCore.Mvc;
using WorkflowSessions.AspNetCore;

namespace CheckoutWizard.Pages.Register;

public sealed class ConfirmModel(IWorkflowSessions workflows) : RegistrationPage(workflows)
{
    public Account? Account { get; private set; }

    public async Task<IActionResult> OnGetAsync(CancellationToken cancellationToken)
    {
        RegistrationWorkflow? registration = await FindAsync(cancellationToken);
        Account = registration?.Account;
        string step = registration?.NextStep ?? "/Register/Account";
        return step == "/Register/Confirm" ? Page() : RedirectToPage(step, RouteTo(step));
    }

    public Task<IActionResult> OnPostAsync(CancellationToken cancellationToken) =>
        SaveStepAsync(
            async registration =>
            {
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
