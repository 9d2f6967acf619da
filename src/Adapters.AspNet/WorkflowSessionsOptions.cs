using Microsoft.AspNetCore.Http;

namespace WorkflowSessions.AspNetCore;

/// <summary>Options of the sessions of requests. How long workflows stay is an option of the store.</summary>
public sealed class WorkflowSessionsOptions
{
    /// <summary>
    /// The cookie: <c>.WorkflowSessions</c>, for the host alone and its whole path, HttpOnly, SameSite=Lax, essential, and until the browser closes, by
    /// default. Set <see cref="CookieBuilder.MaxAge"/> to keep it longer. With <see cref="CookieSecurePolicy.Always"/>, the default, it is Secure but
    /// for plain HTTP to this machine in Development.
    /// </summary>
    public CookieBuilder Cookie { get; } =
        new()
        {
            Name = ".WorkflowSessions",
            Path = "/",
            HttpOnly = true,
            SameSite = SameSiteMode.Lax,
            SecurePolicy = CookieSecurePolicy.Always,
            IsEssential = true,
        };
}
