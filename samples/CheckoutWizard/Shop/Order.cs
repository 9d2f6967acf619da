namespace CheckoutWizard.Shop;

public sealed record Order(string Number, IReadOnlyList<OrderLine> Lines, decimal Shipping, string City)
{
    public decimal Total => Lines.Sum(line => line.Total) + Shipping;
}
