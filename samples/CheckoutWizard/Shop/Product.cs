namespace CheckoutWizard.Shop;

public sealed record Product(string Sku, string Name, string Description, decimal Price);
