using CheckoutWizard.Shop;
using Microsoft.AspNetCore.Mvc;
using WorkflowSessions.AspNetCore;

namespace CheckoutWizard.Pages.CheckoutSteps;

public sealed class PaymentModel(IWorkflowSessions workflows) : CheckoutPage(workflows)
{
    [BindProperty]
    public Payment Input { get; set; } = new();

    public Task<IActionResult> OnGetAsync(CancellationToken cancellationToken) =>
        ShowAsync(
            checkout => checkout.Shipping is null ? checkout.NextStep : null,
            checkout => Input = checkout.Payment ?? Input,
            cancellationToken
        );

    public Task<IActionResult> OnPostAsync(CancellationToken cancellationToken) =>
        SaveStepAsync(checkout => checkout.Payment = Input, "/Checkout/Review", cancellationToken);
}
