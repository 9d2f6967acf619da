using System.ComponentModel.DataAnnotations;

namespace CheckoutWizard.Shop;

public sealed class Address
{
    [Required(ErrorMessage = "Enter the name of the person who receives it.")]
    [Display(Name = "Full name")]
    public string Name { get; set; } = "";

    [Required(ErrorMessage = "Enter a street and number.")]
    [Display(Name = "Street and number")]
    public string Street { get; set; } = "";

    [Required(ErrorMessage = "Enter a postal code.")]
    [Display(Name = "Postal code")]
    public string PostalCode { get; set; } = "";

    [Required(ErrorMessage = "Enter a city.")]
    [Display(Name = "City")]
    public string City { get; set; } = "";
}
