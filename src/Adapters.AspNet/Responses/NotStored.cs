using System.Buffers;
using System.Text.Json;
using Microsoft.AspNetCore.Diagnostics;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;

namespace WorkflowSessions.AspNetCore;

/// <summary>The response to a request whose workflows could not be loaded or stored: 503, or 409 for a conflict, as problem details (RFC 9457).</summary>
internal static class NotStored
{
    private const string RetryAfterSeconds = "5";

    public static int StatusOf(Exception error) =>
        error is WorkflowConflictException ? StatusCodes.Status409Conflict : StatusCodes.Status503ServiceUnavailable;

    /// <summary>Sets the status, and tells when to try again where that may help.</summary>
    public static void SetStatus(HttpResponse response, Exception error)
    {
        response.StatusCode = StatusOf(error);
        if (response.StatusCode == StatusCodes.Status503ServiceUnavailable)
        {
            response.Headers.RetryAfter = RetryAfterSeconds;
        }
    }

    public static async Task WriteAsync(HttpContext context, CommittingResponse failed, WorkflowSessionException error)
    {
        context.Response.Clear();
        failed.RestoreHeaders();
        // A page that is shown for the status finds the reason here, as it does behind an error handler.
        context.Features.Set<IExceptionHandlerFeature>(new ExceptionHandlerFeature { Error = error, Path = context.Request.Path });
        SetStatus(context.Response, error);
        context.Response.Headers.CacheControl = "no-store";
        if (AsksForHtml(context.Request.Headers.Accept))
        {
            // Without a body, so that UseStatusCodePages… shows the application's own page.
            return;
        }

        ArrayBufferWriter<byte> body = new();
        Write(body, error, context.Response.StatusCode);
        context.Response.ContentType = "application/problem+json";
        context.Response.ContentLength = body.WrittenCount;
        if (!HttpMethods.IsHead(context.Request.Method))
        {
            await context.Response.Body.WriteAsync(body.WrittenMemory).ConfigureAwait(false);
        }
    }

    /// <summary>Writes it by hand: a serializer would need reflection, which a trimmed application does not have.</summary>
    private static void Write(IBufferWriter<byte> body, WorkflowSessionException error, int status)
    {
        WorkflowConflictException? conflict = error as WorkflowConflictException;
        using Utf8JsonWriter json = new(body);
        json.WriteStartObject();
        json.WriteString(
            "type",
            conflict is null ? "https://tools.ietf.org/html/rfc9110#section-15.6.4" : "https://tools.ietf.org/html/rfc9110#section-15.5.10"
        );
        json.WriteString("title", conflict is null ? "The session is not available." : "The changes were not saved.");
        json.WriteNumber("status", status);
        json.WriteString(
            "detail",
            conflict is null
                ? "Its data could not be loaded or saved just now. Try again."
                : "The data was changed or ended elsewhere in the meantime. Reload it and try again."
        );
        json.WriteStartArray("workflows");
        foreach (string workflow in WorkflowsOf(error))
        {
            json.WriteStringValue(workflow);
        }

        json.WriteEndArray();
        if (conflict is not null)
        {
            json.WriteString("reason", conflict.Reason.ToString());
        }
        else
        {
            json.WriteBoolean("mayBeStored", error is SessionStoreException { MayBeStored: true });
        }

        json.WriteEndObject();
    }

    private static IEnumerable<string> WorkflowsOf(WorkflowSessionException error) =>
        (error.InnerException is AggregateException all ? all.InnerExceptions.OfType<WorkflowSessionException>() : [error])
            .Select(failure => failure.WorkflowId)
            .Where(id => id.Length > 0 && !string.Equals(id, SessionSecret.WorkflowId, StringComparison.Ordinal));

    private static bool AsksForHtml(StringValues accept) =>
        accept.Any(value => value?.Contains("text/html", StringComparison.OrdinalIgnoreCase) == true);
}
