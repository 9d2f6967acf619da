using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.Extensions.Primitives;

namespace WorkflowSessions.AspNetCore;

/// <summary>The response to a request whose workflows could not be loaded or stored: 503, or 409 where others were faster, as problem details (RFC 9457).</summary>
internal static class NotStored
{
    public static int StatusOf(Exception error) =>
        error is WorkflowConflictException ? StatusCodes.Status409Conflict : StatusCodes.Status503ServiceUnavailable;

    public static Task WriteAsync(HttpContext context, WorkflowSessionException error)
    {
        // Those that were added already stay, or else a page of another origin could not read what it is told.
        List<KeyValuePair<string, StringValues>> crossOrigin =
        [
            .. context.Response.Headers.Where(header => header.Key.StartsWith("Access-Control-", StringComparison.OrdinalIgnoreCase)),
        ];
        context.Response.Clear();
        crossOrigin.ForEach(context.Response.Headers.Add);
        bool conflict = error is WorkflowConflictException;
        context.Response.StatusCode = StatusOf(error);
        if (AsksForHtml(context.Request.Headers.Accept))
        {
            // Without a body, so that UseStatusCodePages… shows the application's own page.
            return Task.CompletedTask;
        }

        ProblemDetails problem = new()
        {
            Status = context.Response.StatusCode,
            Title = conflict ? "The changes were not saved." : "The session is not available.",
            Detail = conflict
                ? "The data was changed or ended elsewhere in the meantime. Reload it and try again."
                : "Its data could not be loaded or saved just now. Try again.",
            Extensions = { ["workflows"] = WorkflowsOf(error) },
        };
        if (error is WorkflowConflictException refused)
        {
            problem.Extensions["reason"] = refused.Reason.ToString();
        }
        else
        {
            problem.Extensions["mayBeStored"] = ((SessionStoreException)error).MayBeStored;
        }

        return TypedResults.Problem(problem).ExecuteAsync(context);
    }

    private static string[] WorkflowsOf(WorkflowSessionException error) =>
        error.InnerException is AggregateException all
            ? [.. all.InnerExceptions.OfType<WorkflowSessionException>().Select(failure => failure.WorkflowId)]
            : [error.WorkflowId];

    private static bool AsksForHtml(StringValues accept) =>
        accept.Any(value => value?.Contains("text/html", StringComparison.OrdinalIgnoreCase) == true);
}
