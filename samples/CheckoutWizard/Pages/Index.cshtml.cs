using CheckoutWizard.Shop;
using Microsoft.AspNetCore.Mvc;
using WorkflowSessions.AspNetCore;

namespace CheckoutWizard.Pages;

public sealed class IndexModel(IWorkflowSessions workflows) : CheckoutPage(workflows)
{
    public async Task<IActionResult> OnPostAsync(string sku, CancellationToken cancellationToken) =>
        Catalogue.Find(sku) is null
            ? NotFound()
            : await SaveAsync(
                async () => await (await OpenAsync(cancellationToken)).AddAsync(sku, 1, cancellationToken),
                "/Checkout/Cart",
                cancellationToken
            );
}
