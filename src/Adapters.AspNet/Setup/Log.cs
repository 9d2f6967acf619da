using Microsoft.Extensions.Logging;

namespace WorkflowSessions.AspNetCore;

/// <summary>The log messages of requests, in the category of <see cref="WorkflowSessionsDiagnostics"/>. None has a session id, a key or a value.</summary>
internal static partial class Log
{
    [LoggerMessage(
        10,
        LogLevel.Information,
        "The session of a cookie is unknown; it has expired or was ended. The request begins a new one when it writes."
    )]
    public static partial void LogUnknownSession(this ILogger logger);

    [LoggerMessage(
        11,
        LogLevel.Information,
        "The secret of a cookie is not the current one of its session. The request gets no data, and its changes are refused."
    )]
    public static partial void LogStaleSession(this ILogger logger);

    [LoggerMessage(
        12,
        LogLevel.Error,
        "Changes that were made after the response had started could not be stored: {Error}. The connection is aborted."
    )]
    public static partial void LogAborted(this ILogger logger, string error);

    [LoggerMessage(
        13,
        LogLevel.Warning,
        "The cookie of a session is Secure, and this request came over plain HTTP, so that browsers drop the cookie. Serve HTTPS; or call UseForwardedHeaders() behind a "
            + "proxy that ends TLS; or set Cookie.SecurePolicy to SameAsRequest where plain HTTP is meant. This is logged once."
    )]
    public static partial void LogSecureCookieOverHttp(this ILogger logger);

    [LoggerMessage(
        14,
        LogLevel.Warning,
        "SessionOptions are configured, and AddHttpContextSession() ignores {Settings}. Set the cookie in AddWorkflowSessions(options => …), and remove these settings."
    )]
    public static partial void LogSessionOptionsIgnored(this ILogger logger, string settings);

    [LoggerMessage(
        15,
        LogLevel.Warning,
        "SessionOptions.IdleTimeout, {IdleTimeout}, is the idle timeout of HttpContext.Session, unless the options of the store have a Workflow(\"$http\", …). Set it there."
    )]
    public static partial void LogIdleTimeoutTakenOver(this ILogger logger, TimeSpan idleTimeout);
}
