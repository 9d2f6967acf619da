using CheckoutWizard.Shop;
using Microsoft.AspNetCore.Mvc;
using WorkflowSessions.AspNetCore;

namespace CheckoutWizard.Pages.CheckoutSteps;

public sealed class ReceiptModel(IWorkflowSessions workflows) : CheckoutPage(workflows)
{
    public Order? Order { get; private set; }

    public async Task<IActionResult> OnGetAsync(CancellationToken cancellationToken)
    {
        CheckoutWorkflow checkout = await OpenAsync(cancellationToken);
        Order = checkout.Order;
        return Order is null ? RedirectToPage(checkout.NextStep) : Page();
    }
}
