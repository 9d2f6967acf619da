using CheckoutWizard.Shop;
using Microsoft.AspNetCore.Mvc;
using WorkflowSessions.AspNetCore;

namespace CheckoutWizard.Pages.CheckoutSteps;

public sealed class ReviewModel(IWorkflowSessions workflows) : CheckoutPage(workflows)
{
    public CheckoutWorkflow? Checkout { get; private set; }

    public Task<IActionResult> OnGetAsync(CancellationToken cancellationToken) =>
        ShowAsync(
            checkout => checkout.NextStep == "/Checkout/Review" ? null : checkout.NextStep,
            checkout => Checkout = checkout,
            cancellationToken
        );

    public Task<IActionResult> OnPostAsync(CancellationToken cancellationToken) =>
        SaveAsync(
            async () =>
            {
                Checkout = await OpenAsync(cancellationToken);
                await Checkout.PlaceOrderAsync(cancellationToken);
                if (Checkout.Order is null)
                {
                    ModelState.AddModelError("", Expired);
                }
            },
            "/Checkout/Receipt",
            cancellationToken
        );
}
