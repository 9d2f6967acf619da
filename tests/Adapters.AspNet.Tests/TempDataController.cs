using Microsoft.AspNetCore.Mvc;

namespace WorkflowSessions.AspNetCore.Tests;

/// <summary>Sets TempData, with a redirect behind it or with a page in the same response, and reads them.</summary>
public sealed class TempDataController : Controller
{
    [HttpPost("/temp-data/redirect")]
    public IActionResult SetAndRedirect()
    {
        TempData["message"] = "saved";
        return Redirect("/temp-data");
    }

    [HttpPost("/temp-data/page")]
    public IActionResult SetAndShow()
    {
        TempData["message"] = "saved";
        return Content(new string('x', 100_000));
    }

    [HttpGet("/temp-data")]
    public IActionResult Read() => Content(TempData["message"] as string ?? "none");
}
