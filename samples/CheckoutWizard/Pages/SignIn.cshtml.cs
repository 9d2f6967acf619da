using CheckoutWizard.Shop;
using Microsoft.AspNetCore.Mvc;
using WorkflowSessions.AspNetCore;

namespace CheckoutWizard.Pages;

/// <summary>A sign-in without passwords, because it is the session that is shown here.</summary>
public sealed class SignInModel(IWorkflowSessions workflows) : WizardPage(workflows)
{
    [BindProperty]
    public Account Input { get; set; } = new();

    public string? SignedInAs { get; private set; }

    public async Task OnGetAsync(CancellationToken cancellationToken) =>
        SignedInAs = (await Workflows.OpenAsync(Account.Id, cancellationToken)).Get<string>("name");

    public Task<IActionResult> OnPostAsync(CancellationToken cancellationToken) =>
        SaveAsync(
            async () =>
            {
                (await Workflows.OpenAsync(Account.Id, cancellationToken)).Set("name", Input.Name);
                // With the id of the user, so that a second click finds the session that the first one renewed.
                await Workflows.RegenerateIdAsync(Input.Email, cancellationToken);
            },
            "/SignIn",
            cancellationToken
        );

    public async Task<IActionResult> OnPostSignOutAsync(CancellationToken cancellationToken)
    {
        await Workflows.EndSessionAsync(cancellationToken);
        return RedirectToPage("/Index");
    }
}
