namespace CheckoutWizard.Shop;

/// <summary>What the shop sells.</summary>
public static class Catalogue
{
    public static IReadOnlyList<Product> All { get; } =
    [
        new("teapot", "Teapot", "Stoneware, holds a litre, pours without a drop.", 48.00m),
        new("cups", "Set of four cups", "They stack, and fit two hands.", 36.00m),
        new("tea", "Oolong, 100 g", "From high gardens, good for five infusions.", 14.50m),
        new("kettle", "Kettle", "Stops at the degree you set.", 89.90m),
    ];

    public static Product? Find(string sku) => All.FirstOrDefault(product => product.Sku == sku);
}
