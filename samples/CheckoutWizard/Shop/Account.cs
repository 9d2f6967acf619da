using System.ComponentModel.DataAnnotations;

namespace CheckoutWizard.Shop;

public sealed class Account
{
    public const string Id = "account";

    [Required(ErrorMessage = "Enter your name.")]
    [Display(Name = "Name")]
    public string Name { get; set; } = "";

    [Required(ErrorMessage = "Enter your e-mail address.")]
    [EmailAddress(ErrorMessage = "This is no e-mail address. It looks like ada@example.com.")]
    [Display(Name = "E-mail address")]
    public string Email { get; set; } = "";
}
