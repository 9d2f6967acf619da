using System.ComponentModel.DataAnnotations;

namespace CheckoutWizard.Shop;

/// <summary>How the order is paid. The number of a card belongs to a payment service, not into a session.</summary>
public sealed class Payment
{
    [Required(ErrorMessage = "Choose how you want to pay.")]
    [RegularExpression("invoice|transfer", ErrorMessage = "Choose how you want to pay.")]
    public string? Method { get; set; }
}
