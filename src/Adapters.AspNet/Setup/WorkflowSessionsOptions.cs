using Microsoft.AspNetCore.Http;

namespace WorkflowSessions.AspNetCore;

/// <summary>Options of the sessions of requests. How long workflows stay is an option of the store.</summary>
public sealed class WorkflowSessionsOptions
{
    /// <summary>
    /// The cookie. By default it is for the host alone and its whole path, HttpOnly, SameSite=Lax, essential, Secure, and stays until the browser closes. In
    /// Development it is not Secure over plain HTTP to this machine: <c>localhost</c>, <c>*.localhost</c>, <c>127.0.0.1</c>, <c>[::1]</c>.
    /// </summary>
    /// <remarks>
    /// <para>
    /// The name is null by default, which stands for <c>__Host-WorkflowSessions.{application}</c>, with the name of the host's application; where the cookie is not
    /// Secure, or has another path or a domain, for <c>.WorkflowSessions.{application}</c>.
    /// </para>
    /// <para>
    /// Set <see cref="CookieBuilder.MaxAge"/> to keep it longer. It is sent again when a tenth of that time has gone, so that a visitor who stays active keeps it.
    /// <see cref="CookieBuilder.Expiration"/> must not be set.
    /// </para>
    /// </remarks>
    public CookieBuilder Cookie { get; } =
        new()
        {
            Path = "/",
            HttpOnly = true,
            SameSite = SameSiteMode.Lax,
            SecurePolicy = CookieSecurePolicy.Always,
            IsEssential = true,
        };

    /// <summary>
    /// How long after a sign-in the secret from before may be used to sign the same user in again, as a double click does. It gives no access to data. 60 seconds
    /// by default; zero turns it off; one hour at most.
    /// </summary>
    public TimeSpan SignInGracePeriod { get; set; } = TimeSpan.FromSeconds(60);
}
