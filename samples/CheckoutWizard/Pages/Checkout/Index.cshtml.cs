using Microsoft.AspNetCore.Mvc;
using WorkflowSessions.AspNetCore;

namespace CheckoutWizard.Pages.CheckoutSteps;

/// <summary>Goes on where the visitor left.</summary>
public sealed class IndexModel(IWorkflowSessions workflows) : CheckoutPage(workflows)
{
    public async Task<IActionResult> OnGetAsync(CancellationToken cancellationToken) =>
        RedirectToPage((await OpenAsync(cancellationToken)).NextStep);
}
