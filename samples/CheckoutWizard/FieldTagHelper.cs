using Microsoft.AspNetCore.Mvc.Rendering;
using Microsoft.AspNetCore.Mvc.ViewFeatures;
using Microsoft.AspNetCore.Razor.TagHelpers;

namespace CheckoutWizard;

/// <summary>A label, an input, and what is wrong with it beside it, tied together for screen readers.</summary>
[HtmlTargetElement("field", Attributes = "for")]
public sealed class FieldTagHelper(IHtmlGenerator html) : TagHelper
{
    public required ModelExpression For { get; set; }

    public string Autocomplete { get; set; } = "off";

    public string Type { get; set; } = "text";

    [ViewContext, HtmlAttributeNotBound]
    public ViewContext ViewContext { get; set; } = null!;

    public override void Process(TagHelperContext context, TagHelperOutput output)
    {
        string id = TagBuilder.CreateSanitizedId(For.Name, "_");
        bool wrong = ViewContext.ViewData.ModelState.TryGetValue(For.Name, out var entry) && entry.Errors.Count > 0;
        output.TagName = "div";
        output.Attributes.SetAttribute("class", "field");
        output.Content.AppendHtml(html.GenerateLabel(ViewContext, For.ModelExplorer, For.Name, labelText: null, htmlAttributes: null));
        TagBuilder input = html.GenerateTextBox(ViewContext, For.ModelExplorer, For.Name, For.Model, format: null, htmlAttributes: null);
        input.Attributes["type"] = Type;
        input.Attributes["autocomplete"] = Autocomplete;
        input.Attributes["aria-describedby"] = $"{id}-error";
        input.Attributes["aria-invalid"] = wrong ? "true" : "false";
        output.Content.AppendHtml(input);
        TagBuilder error = html.GenerateValidationMessage(
            ViewContext,
            For.ModelExplorer,
            For.Name,
            message: null,
            tag: "span",
            htmlAttributes: new { @class = "error", id = $"{id}-error" }
        );
        output.Content.AppendHtml(error);
    }
}
