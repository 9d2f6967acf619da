using System.ComponentModel.DataAnnotations;

namespace CheckoutWizard.Shop;

public sealed class Preferences
{
    [Display(Name = "Tell me about new teas, once a month")]
    public bool Newsletter { get; set; }

    [Required(ErrorMessage = "Choose a language.")]
    [RegularExpression("English|Deutsch|Français", ErrorMessage = "Choose a language.")]
    [Display(Name = "Language")]
    public string Language { get; set; } = "English";
}
