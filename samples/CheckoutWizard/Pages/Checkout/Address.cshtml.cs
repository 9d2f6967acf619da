using CheckoutWizard.Shop;
using Microsoft.AspNetCore.Mvc;
using WorkflowSessions.AspNetCore;

namespace CheckoutWizard.Pages.CheckoutSteps;

public sealed class AddressModel(IWorkflowSessions workflows) : CheckoutPage(workflows)
{
    [BindProperty]
    public Address Input { get; set; } = new();

    public Task<IActionResult> OnGetAsync(CancellationToken cancellationToken) =>
        ShowAsync(
            checkout => checkout.Lines.Count == 0 ? "/Checkout/Cart" : null,
            checkout => Input = checkout.Address ?? Input,
            cancellationToken
        );

    public Task<IActionResult> OnPostAsync(CancellationToken cancellationToken) =>
        SaveStepAsync(checkout => checkout.Address = Input, "/Checkout/Shipping", cancellationToken);
}
