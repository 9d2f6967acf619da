using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Mvc.RazorPages;

namespace CheckoutWizard.Pages.Register;

/// <summary>Begins a new registration, also when another tab has one.</summary>
public sealed class IndexModel : PageModel
{
    public IActionResult OnGet() => RedirectToPage("/Register/Account");
}
