using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace WorkflowSessions.AspNetCore;

/// <summary>Reads the cookies of sessions from requests, and writes them to responses. Thread-safe; one for the application.</summary>
internal sealed class SessionCookies(IOptions<WorkflowSessionsOptions> options, IHostEnvironment environment, ILoggerFactory loggers)
{
    // Each costs a load. A browser sends one for each path and domain that somebody set one for.
    private const int MaxCookies = 8;

    private readonly string _application = Uri.EscapeDataString(environment.ApplicationName);
    private readonly bool _isDevelopment = environment.IsDevelopment();
    private readonly ILogger _logger = loggers.CreateLogger(WorkflowSessionsDiagnostics.LoggerCategory);
    private int _warned;

    private CookieBuilder Builder => options.Value.Cookie;

    /// <summary>How long a browser keeps the cookie; null for until it closes.</summary>
    public TimeSpan? MaxAge => Builder.MaxAge;

    /// <summary>All cookies of our name and form, in the order of the request. Others are none.</summary>
    public List<SessionCookie> Read(HttpContext context)
    {
        // IRequestCookieCollection keeps one of each name. A browser may send several.
        List<SessionCookie> cookies = [];
        string? name = null;
        foreach (string? header in context.Request.Headers.Cookie)
        {
            name ??= NameFor(context);
            foreach (Range range in header.AsSpan().Split(';'))
            {
                ReadOnlySpan<char> pair = header.AsSpan(range).Trim();
                if (
                    cookies.Count < MaxCookies
                    && pair.Length > name.Length
                    && pair[name.Length] == '='
                    && pair.StartsWith(name, StringComparison.Ordinal)
                    && SessionCookie.TryParse(pair[(name.Length + 1)..], out SessionCookie? cookie)
                )
                {
                    cookies.Add(cookie);
                }
            }
        }

        return cookies;
    }

    public void Send(HttpContext context, SessionCookie cookie)
    {
        CookieOptions built = Build(context);
        if (built.Secure && !context.Request.IsHttps && Interlocked.Exchange(ref _warned, 1) == 0)
        {
            _logger.LogSecureCookieOverHttp();
        }

        context.Response.Cookies.Append(NameFor(context), cookie.ToCookieValue(), built);
    }

    public void Delete(HttpContext context) => context.Response.Cookies.Delete(NameFor(context), Build(context));

    private string NameFor(HttpContext context) =>
        Builder.Name
        // The prefix makes browsers refuse a cookie of this name from another host or over plain HTTP.
        ?? (
            Builder is { Path: "/", Domain: null } && IsSecure(context)
                ? $"__Host-WorkflowSessions.{_application}"
                : $".WorkflowSessions.{_application}"
        );

    private CookieOptions Build(HttpContext context)
    {
        CookieOptions cookie = Builder.Build(context);
        cookie.Secure = IsSecure(context);
        return cookie;
    }

    private bool IsSecure(HttpContext context)
    {
        if (context.Request.IsHttps)
        {
            return Builder.SecurePolicy != CookieSecurePolicy.None;
        }

        // Browsers refuse these unless they are Secure.
        bool isRequired =
            Builder.SameSite == SameSiteMode.None
            || Builder.Name?.StartsWith("__Host-", StringComparison.OrdinalIgnoreCase) == true
            || Builder.Name?.StartsWith("__Secure-", StringComparison.OrdinalIgnoreCase) == true;
        return isRequired
            || (Builder.SecurePolicy == CookieSecurePolicy.Always && !(_isDevelopment && IsThisMachine(context.Request.Host.Host)));
    }

    private static bool IsThisMachine(string host) =>
        host is "127.0.0.1" or "[::1]"
        || host.Equals("localhost", StringComparison.OrdinalIgnoreCase)
        || host.EndsWith(".localhost", StringComparison.OrdinalIgnoreCase);
}
