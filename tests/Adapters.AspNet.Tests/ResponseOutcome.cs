using System.IO.Compression;
using System.Text;

namespace WorkflowSessions.AspNetCore.Tests;

/// <summary>What the client of a <see cref="ResponseProgram"/> got: a response, one that broke off, or none.</summary>
/// <param name="Status">The status; 0 where there was no response.</param>
/// <param name="Body">The body, decompressed; null where it broke off.</param>
/// <param name="Headers">The headers that a session may not change, one a line.</param>
/// <param name="SetCookie">The cookie of the session that it sets.</param>
/// <param name="Error">The exception that nobody handled; where the response had started, that it broke off.</param>
internal sealed record ResponseOutcome(int Status, string? Body, string Headers, string? SetCookie, string? Error)
{
    private static readonly HashSet<string> Ignored = new(StringComparer.OrdinalIgnoreCase)
    {
        "Set-Cookie",
        "Cache-Control",
        "Pragma",
        "Expires",
        "Date",
        "Content-Length",
        "Transfer-Encoding",
    };

    private static readonly string[] Markers =
    [
        ResponsePipeline.HandlerMarker,
        ResponsePipeline.ErrorPageMarker,
        ResponsePipeline.CatchMarker,
        ResponsePipeline.StatusPageMarker,
        "The session is not available.",
        "The changes were not saved.",
    ];

    public bool IsComplete => Body is not null;

    public bool HasHandlerBytes => Body?.Contains(ResponsePipeline.HandlerMarker, StringComparison.Ordinal) == true;

    /// <summary>Whether the body has bytes of more than one writer.</summary>
    public bool IsMixed => Body is not null && Markers.Count(marker => Body.Contains(marker, StringComparison.Ordinal)) > 1;

    public static async Task<ResponseOutcome> ReceiveAsync(HttpClient client, HttpRequestMessage request)
    {
        try
        {
            using HttpResponseMessage response = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
            string headers = string.Join(
                '\n',
                response
                    .Headers.Concat(response.Content.Headers)
                    .Where(header => !Ignored.Contains(header.Key))
                    .Select(header => $"{header.Key}: {string.Join(',', header.Value)}")
                    .Order(StringComparer.OrdinalIgnoreCase)
            );
            string? cookie = Browser.SetCookieOf(response);
            try
            {
                string body = Decode(await response.Content.ReadAsByteArrayAsync());
                return new ResponseOutcome((int)response.StatusCode, body, headers, cookie, Error: null);
            }
            catch (Exception error) when (error is HttpRequestException or IOException or OperationCanceledException)
            {
                return new ResponseOutcome((int)response.StatusCode, Body: null, headers, cookie, "broke off");
            }
        }
#pragma warning disable CA1031 // The server of the test gives the client whatever nobody handled.
        catch (Exception error)
#pragma warning restore CA1031
        {
            return new ResponseOutcome(0, Body: null, "", SetCookie: null, error.GetType().Name);
        }
    }

    public override string ToString() => $"{Status} {Error} '{Body}'\n    {Headers.Replace("\n", "\n    ", StringComparison.Ordinal)}";

    /// <summary>By the first bytes, because an error page may have cleared the header that says so.</summary>
    private static string Decode(byte[] bytes)
    {
        if (bytes is not [0x1f, 0x8b, ..])
        {
            return Encoding.UTF8.GetString(bytes);
        }

        using MemoryStream text = new();
        try
        {
            using GZipStream gzip = new(new MemoryStream(bytes), CompressionMode.Decompress);
            gzip.CopyTo(text);
        }
        catch (InvalidDataException)
        {
            // It was cut off.
        }

        return Encoding.UTF8.GetString(text.ToArray());
    }
}
