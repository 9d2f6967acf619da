using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Components.Rendering;
using Microsoft.AspNetCore.Components.Web;

namespace WorkflowSessions.AspNetCore.Tests.Documented;

/// <summary>The interactive component. It opens the session of its circuit by the id, and stores each change at once.</summary>
public sealed class ImportForm : ComponentBase
{
    private WorkflowSession _import = null!;

    [Inject]
    public ISessionStoreFactory Sessions { get; set; } = null!;

    [Parameter, EditorRequired]
    public string SessionId { get; set; } = "";

    public async Task AddRowAsync() => await _import.UpdateAsync(import => import.Set("rows", import.Get("rows", 0) + 1));

    protected override async Task OnInitializedAsync()
    {
        _import = new WorkflowSession(Sessions.Open(SessionId), "import");
        await _import.LoadAsync();
    }

    // In a .razor file: <button @onclick="AddRowAsync">Rows: @_import.Get("rows", 0)</button>
    protected override void BuildRenderTree(RenderTreeBuilder builder)
    {
        builder.OpenElement(0, "button");
        builder.AddAttribute(1, "onclick", EventCallback.Factory.Create<MouseEventArgs>(this, AddRowAsync));
        builder.AddContent(2, _import.IsLoaded ? $"Rows: {_import.Get("rows", 0)}" : "Loading");
        builder.CloseElement();
    }
}
