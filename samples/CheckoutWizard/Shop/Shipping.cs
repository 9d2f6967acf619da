using System.ComponentModel.DataAnnotations;

namespace CheckoutWizard.Shop;

public sealed class Shipping
{
    [Required(ErrorMessage = "Choose how we should send it.")]
    [RegularExpression("standard|express", ErrorMessage = "Choose how we should send it.")]
    public string? Method { get; set; }

    [Display(Name = "Note for the courier (optional)")]
    public string? Note { get; set; }

    public decimal Price => Method == "express" ? 12.00m : 4.90m;
}
