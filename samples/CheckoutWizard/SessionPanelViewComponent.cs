using System.Text.Encodings.Web;
using System.Text.Json;
using CheckoutWizard.Shop;
using Microsoft.AspNetCore.Mvc;
using WorkflowSessions;
using WorkflowSessions.AspNetCore;

namespace CheckoutWizard;

/// <summary>Shows every workflow of the session with what is in it. A shop would not; it is here to look behind the scenes.</summary>
public sealed class SessionPanelViewComponent(IWorkflowSessions workflows, TimeProvider clock) : ViewComponent
{
    private static readonly string[] Known = [Account.Id, CheckoutWorkflow.Id, RegistrationWorkflow.Id];
    private static readonly JsonSerializerOptions Readable = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public async Task<IViewComponentResult> InvokeAsync()
    {
        try
        {
            List<PanelWorkflow> shown = [];
            foreach (string id in Known)
            {
                WorkflowSession workflow = await workflows.OpenAsync(id, HttpContext.RequestAborted);
                if (workflow.Count > 0)
                {
                    shown.Add(
                        new PanelWorkflow(
                            id,
                            [.. workflow.GetAll().OrderBy(entry => entry.Key, StringComparer.Ordinal).Select(Show)],
                            workflow.LastModified,
                            workflow.ExpiresAt - clock.GetUtcNow()
                        )
                    );
                }
            }

            return View(shown);
        }
        catch (Exception error) when (error is SessionStoreException or WorkflowConflictException)
        {
            // The store does not answer, or a sign-in in another tab has overtaken this page.
            return View("Default", (List<PanelWorkflow>?)null);
        }
    }

    private static KeyValuePair<string, string> Show(KeyValuePair<string, object?> entry) =>
        new(entry.Key, JsonSerializer.Serialize(entry.Value, Readable));
}
