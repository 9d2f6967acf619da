using Microsoft.AspNetCore.Diagnostics;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Mvc.RazorPages;
using WorkflowSessions;

namespace CheckoutWizard.Pages;

/// <summary>What a visitor sees instead of a bare status.</summary>
[IgnoreAntiforgeryToken]
public sealed class UnavailableModel : PageModel
{
    public string Heading { get; private set; } = "";

    public string Text { get; private set; } = "";

    private bool IsStaleSession =>
        HttpContext.Features.Get<IExceptionHandlerFeature>()?.Error
            is WorkflowConflictException { Reason: WorkflowConflictReason.StaleSession };

    public void OnGet(int status) => Show(status);

    public void OnPost(int status) => Show(status);

    private void Show(int status) =>
        (Heading, Text) = status switch
        {
            StatusCodes.Status503ServiceUnavailable => (
                "We can't get at your session right now",
                "Nothing is lost that we said was saved. Reload this page in a moment."
            ),
            StatusCodes.Status409Conflict when IsStaleSession => (
                "You have just signed in",
                "That was in another tab, or by a second click. Nothing is lost. Load this page again."
            ),
            StatusCodes.Status409Conflict => ("This was changed elsewhere", "Nothing was saved. Load the page again and go on from there."),
            StatusCodes.Status404NotFound => ("There is no such page", "It may have moved."),
            _ => ("Something went wrong", "Nothing was saved. Please try again."),
        };
}
