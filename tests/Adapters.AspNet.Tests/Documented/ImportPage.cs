using System.Security.Cryptography;
using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Components.Rendering;
using Microsoft.AspNetCore.Components.Web;

namespace WorkflowSessions.AspNetCore.Tests.Documented;

/// <summary>The page, rendered on the server in a request. It makes the id of a session for the circuit, and keeps it in the visitor's session.</summary>
public sealed class ImportPage : ComponentBase
{
    private string _sessionId = "";

    [Inject]
    public IWorkflowSessions Workflows { get; set; } = null!;

    protected override async Task OnInitializedAsync()
    {
        WorkflowSession page = await Workflows.OpenAsync("import-page");
        _sessionId = page.Get<string>("session") ?? RandomNumberGenerator.GetHexString(64);
        page.Set("session", _sessionId);
    }

    // In a .razor file: <ImportForm SessionId="@_sessionId" @rendermode="InteractiveServer" />
    protected override void BuildRenderTree(RenderTreeBuilder builder)
    {
        builder.OpenComponent<ImportForm>(0);
        builder.AddComponentParameter(1, nameof(ImportForm.SessionId), _sessionId);
        builder.AddComponentRenderMode(RenderMode.InteractiveServer);
        builder.CloseComponent();
    }
}
