using System.Text.Encodings.Web;
using System.Text.Json;
using CheckoutWizard.Shop;
using Microsoft.AspNetCore.Mvc;
using WorkflowSessions;
using WorkflowSessions.AspNetCore;

namespace CheckoutWizard;

/// <summary>Shows the workflows of the session, and the registration of this tab. A shop would not; it is here to look behind the scenes.</summary>
public sealed class SessionPanelViewComponent(IWorkflowSessions workflows, TimeProvider clock) : ViewComponent
{
    private static readonly string[] Known = [Account.Id, CheckoutWorkflow.Id];
    private static readonly JsonSerializerOptions Readable = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public async Task<IViewComponentResult> InvokeAsync()
    {
        try
        {
            List<WorkflowSession> opened = [];
            foreach (string id in Known)
            {
                opened.Add(await workflows.OpenAsync(id, HttpContext.RequestAborted));
            }

            string? instance = RouteData.Values["instance"] as string;
            if (await workflows.FindAsync(RegistrationWorkflow.Id, instance, HttpContext.RequestAborted) is { } registration)
            {
                opened.Add(registration);
            }

            return View(opened.Where(workflow => workflow.Count > 0).Select(Show).ToList());
        }
        catch (Exception error) when (error is SessionStoreException or WorkflowConflictException)
        {
            // The store does not answer, or a sign-in in another tab has overtaken this page.
            return View("Default", (List<PanelWorkflow>?)null);
        }
    }

    private PanelWorkflow Show(WorkflowSession workflow) =>
        new(
            workflow.Id,
            workflow.WorkflowId,
            [.. workflow.GetAll().OrderBy(entry => entry.Key, StringComparer.Ordinal).Select(Show)],
            workflow.LastModified,
            workflow.ExpiresAt - clock.GetUtcNow()
        );

    private static KeyValuePair<string, string> Show(KeyValuePair<string, object?> entry) =>
        new(entry.Key, JsonSerializer.Serialize(entry.Value, Readable));
}
