using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Mvc.RazorPages;
using WorkflowSessions;
using WorkflowSessions.AspNetCore;

namespace CheckoutWizard;

/// <summary>A page that saves a step, and tells in its own words when it could not: what was typed stays on the page.</summary>
public abstract class WizardPage(IWorkflowSessions workflows) : PageModel
{
    protected IWorkflowSessions Workflows => workflows;

    /// <summary>The route values of the next page.</summary>
    protected virtual object? RouteTo(string next) => null;

    /// <summary>Runs a change, commits it, and goes on to the next page.</summary>
    protected async Task<IActionResult> SaveAsync(Func<Task> change, string next, CancellationToken cancellationToken)
    {
        if (!ModelState.IsValid)
        {
            return Page();
        }

        try
        {
            await change();
            await workflows.CommitAsync(cancellationToken);
            return ModelState.IsValid ? RedirectToPage(next, RouteTo(next)) : Page();
        }
        catch (SessionStoreException error)
        {
            return NotSaved(
                StatusCodes.Status503ServiceUnavailable,
                error.MayBeStored
                    ? "We can't tell whether this was saved. What you typed is still here; please try again."
                    : "Nothing was saved, because our store is not available right now. What you typed is still here; please try again."
            );
        }
        catch (WorkflowConflictException conflict)
        {
            return NotSaved(
                StatusCodes.Status409Conflict,
                conflict.Reason == WorkflowConflictReason.StaleSession
                    ? "Nothing was saved, because you signed in in another tab or clicked twice. "
                        + "Nothing is lost, and what you typed is still here; please send it again."
                    : "Nothing was saved, because this was ended or changed in another tab. What you typed is still here; please try again."
            );
        }
    }

    private PageResult NotSaved(int status, string message)
    {
        workflows.DiscardChanges();
        ModelState.AddModelError("", message);
        Response.StatusCode = status;
        return Page();
    }
}
