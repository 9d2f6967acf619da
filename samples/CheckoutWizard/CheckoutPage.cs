using CheckoutWizard.Shop;
using Microsoft.AspNetCore.Mvc;
using WorkflowSessions.AspNetCore;

namespace CheckoutWizard;

/// <summary>A step of the checkout.</summary>
public abstract class CheckoutPage(IWorkflowSessions workflows) : WizardPage(workflows)
{
    public const string Expired = "Your cart is empty: it has expired, or was ended in another tab. What you typed is still here.";

    protected async Task<CheckoutWorkflow> OpenAsync(CancellationToken cancellationToken) =>
        new(await Workflows.OpenAsync(CheckoutWorkflow.Id, cancellationToken));

    /// <summary>Saves a step of a checkout that has a cart and was not ordered yet.</summary>
    protected Task<IActionResult> SaveStepAsync(Action<CheckoutWorkflow> change, string next, CancellationToken cancellationToken) =>
        SaveAsync(
            async () =>
            {
                CheckoutWorkflow checkout = await OpenAsync(cancellationToken);
                if (checkout.Lines.Count == 0)
                {
                    ModelState.AddModelError("", Expired);
                }
                else if (checkout.Order is null)
                {
                    change(checkout);
                }
            },
            next,
            cancellationToken
        );

    /// <summary>Shows the step, or the one that comes before it.</summary>
    protected async Task<IActionResult> ShowAsync(
        Func<CheckoutWorkflow, string?> missing,
        Action<CheckoutWorkflow> show,
        CancellationToken cancellationToken
    )
    {
        CheckoutWorkflow checkout = await OpenAsync(cancellationToken);
        if (checkout.Order is not null)
        {
            return RedirectToPage("/Checkout/Receipt");
        }

        if (missing(checkout) is { } step)
        {
            return RedirectToPage(step);
        }

        show(checkout);
        return Page();
    }
}
