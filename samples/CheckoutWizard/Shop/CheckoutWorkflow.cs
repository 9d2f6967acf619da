using WorkflowSessions;

namespace CheckoutWizard.Shop;

/// <summary>The checkout of a visitor: a workflow, with a name for each of its values.</summary>
public sealed class CheckoutWorkflow(WorkflowSession workflow)
{
    public const string Id = "checkout";

    public IReadOnlyList<OrderLine> Lines =>
        [
            .. Catalogue
                .All.Select(product => new OrderLine(product.Name, workflow.Get($"cart/{product.Sku}", 0), product.Price))
                .Where(line => line.Quantity > 0),
        ];

    public decimal Total => Lines.Sum(line => line.Total) + (Shipping?.Price ?? 0);

    public Address? Address
    {
        get => workflow.Get<Address>("address");
        set => workflow.Set("address", value);
    }

    public Shipping? Shipping
    {
        get => workflow.Get<Shipping>("shipping");
        set => workflow.Set("shipping", value);
    }

    public Payment? Payment
    {
        get => workflow.Get<Payment>("payment");
        set => workflow.Set("payment", value);
    }

    public Order? Order => workflow.Get<Order>("order");

    /// <summary>The first step that is not done yet, where a visitor who comes back goes on.</summary>
    public string NextStep =>
        Order is not null ? "/Checkout/Receipt"
        : Lines.Count == 0 ? "/Checkout/Cart"
        : Address is null ? "/Checkout/Address"
        : Shipping is null ? "/Checkout/Shipping"
        : Payment is null ? "/Checkout/Payment"
        : "/Checkout/Review";

    /// <summary>Adds to the cart, also when two tabs do so at a time. What was ordered before is over.</summary>
    public async Task AddAsync(string sku, int quantity, CancellationToken cancellationToken) =>
        await workflow.UpdateAsync(
            w =>
            {
                if (w.Has("order"))
                {
                    w.End();
                }

                w.Set($"cart/{sku}", Math.Clamp(w.Get($"cart/{sku}", 0) + quantity, 0, 99));
            },
            cancellationToken
        );

    /// <summary>Places the order once, however often it is sent.</summary>
    public async Task PlaceOrderAsync(CancellationToken cancellationToken) =>
        await workflow.UpdateAsync(
            w =>
            {
                if (!w.Has("order") && Address is { } address && Shipping is { } shipping && Payment is not null && Lines.Count > 0)
                {
                    w.Set("order", new Order($"{Random.Shared.Next(100_000, 1_000_000)}", Lines, shipping.Price, address.City));
                }
            },
            cancellationToken
        );
}
