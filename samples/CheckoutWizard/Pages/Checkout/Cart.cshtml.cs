using CheckoutWizard.Shop;
using Microsoft.AspNetCore.Mvc;
using WorkflowSessions.AspNetCore;

namespace CheckoutWizard.Pages.CheckoutSteps;

public sealed class CartModel(IWorkflowSessions workflows) : CheckoutPage(workflows)
{
    public IReadOnlyList<OrderLine> Lines { get; private set; } = [];

    public Task<IActionResult> OnGetAsync(CancellationToken cancellationToken) =>
        ShowAsync(_ => null, checkout => Lines = checkout.Lines, cancellationToken);
}
