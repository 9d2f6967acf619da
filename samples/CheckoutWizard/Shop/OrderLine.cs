namespace CheckoutWizard.Shop;

public sealed record OrderLine(string Name, int Quantity, decimal Price)
{
    public decimal Total => Quantity * Price;
}
