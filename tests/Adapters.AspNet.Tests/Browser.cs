namespace WorkflowSessions.AspNetCore.Tests;

/// <summary>Sends requests with the cookie of the session, and takes over what responses set.</summary>
internal sealed class Browser(HttpMessageHandler handler, Uri address, string? name = null) : IDisposable
{
    private readonly HttpClient _client = new(handler) { BaseAddress = address };
    private readonly string _cookieName = name ?? CookieName;

    /// <summary>The name of the cookie where it is Secure: that of the application that runs the tests.</summary>
    public static string CookieName { get; } = $"__Host-WorkflowSessions.{System.Reflection.Assembly.GetEntryAssembly()!.GetName().Name}";

    /// <summary>Its name where it is not Secure.</summary>
    public static string PlainCookieName { get; } = $".WorkflowSessions.{System.Reflection.Assembly.GetEntryAssembly()!.GetName().Name}";

    /// <summary>The value of the cookie; null when there is none.</summary>
    public string? Cookie { get; set; }

    /// <summary>A cookie that it has besides.</summary>
    public string? Also { get; set; }

    public static string? SetCookieOf(HttpResponseMessage response, string? name = null) =>
        response.Headers.TryGetValues("Set-Cookie", out IEnumerable<string>? values)
            ? values.SingleOrDefault(value => value.StartsWith($"{name ?? CookieName}=", StringComparison.Ordinal))
            : null;

    public async Task<HttpResponseMessage> SendAsync(HttpMethod method, string path, string? accept = null, bool toFirstByte = false)
    {
        using HttpRequestMessage request = new(method, path);
        if (Cookie is not null)
        {
            request.Headers.Add("Cookie", $"{_cookieName}={Cookie}");
        }

        if (Also is not null)
        {
            request.Headers.Add("Cookie", Also);
        }

        if (accept is not null)
        {
            request.Headers.Add("Accept", accept);
        }

        HttpResponseMessage response = await _client.SendAsync(
            request,
            toFirstByte ? HttpCompletionOption.ResponseHeadersRead : HttpCompletionOption.ResponseContentRead
        );
        if (SetCookieOf(response, _cookieName) is { } cookie)
        {
            string value = cookie[(_cookieName.Length + 1)..cookie.IndexOf(';', StringComparison.Ordinal)];
            Cookie = value.Length == 0 ? null : value;
        }

        return response;
    }

    public async Task<string> GetAsync(string path) => await TextAsync(HttpMethod.Get, path);

    public async Task<string> PostAsync(string path) => await TextAsync(HttpMethod.Post, path);

    public void Dispose() => _client.Dispose();

    /// <summary>The body of a response of success, or else the status.</summary>
    private async Task<string> TextAsync(HttpMethod method, string path)
    {
        using HttpResponseMessage response = await SendAsync(method, path);
        return response.IsSuccessStatusCode ? await response.Content.ReadAsStringAsync() : $"{(int)response.StatusCode}";
    }
}
