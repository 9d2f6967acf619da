using CheckoutWizard.Shop;
using Microsoft.AspNetCore.Mvc;
using WorkflowSessions.AspNetCore;

namespace CheckoutWizard.Pages.CheckoutSteps;

public sealed class ShippingModel(IWorkflowSessions workflows) : CheckoutPage(workflows)
{
    [BindProperty]
    public Shipping Input { get; set; } = new();

    public Task<IActionResult> OnGetAsync(CancellationToken cancellationToken) =>
        ShowAsync(
            checkout => checkout.Address is null ? checkout.NextStep : null,
            checkout => Input = checkout.Shipping ?? Input,
            cancellationToken
        );

    public Task<IActionResult> OnPostAsync(CancellationToken cancellationToken) =>
        SaveStepAsync(checkout => checkout.Shipping = Input, "/Checkout/Payment", cancellationToken);
}
