using System.Buffers;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Options;

namespace WorkflowSessions.AspNetCore;

/// <summary>Refuses a cookie that browsers or servers would refuse, when the application starts.</summary>
internal sealed class WorkflowSessionsOptionsValidation : IValidateOptions<WorkflowSessionsOptions>
{
    // A token, RFC 9110, 5.6.2.
    private static readonly SearchValues<char> NameCharacters = SearchValues.Create(
        "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
    );

    public ValidateOptionsResult Validate(string? name, WorkflowSessionsOptions options)
    {
        CookieBuilder cookie = options.Cookie;
        List<string> failures = [];
        bool isHost = HasPrefix("__Host-");
        if (cookie.Name is { } text && (text.Length == 0 || text.AsSpan().ContainsAnyExcept(NameCharacters)))
        {
            failures.Add(
                "Cookie.Name has a character that a cookie's name can't have. Use letters, digits, '-', '.' and '_', or null for the default."
            );
        }

        if (isHost && cookie is not { Path: "/", Domain: null })
        {
            failures.Add(
                "Browsers refuse a cookie whose name begins with __Host- unless Cookie.Path is \"/\" and Cookie.Domain is null. Change these, or the name."
            );
        }

        if ((isHost || HasPrefix("__Secure-")) && cookie.SecurePolicy == CookieSecurePolicy.None)
        {
            failures.Add(
                "Browsers refuse a cookie whose name begins with __Host- or __Secure- unless it is Secure. Set Cookie.SecurePolicy to Always."
            );
        }

        if (cookie.SameSite == SameSiteMode.None && cookie.SecurePolicy == CookieSecurePolicy.None)
        {
            failures.Add("Browsers refuse a cookie with SameSite=None unless it is Secure. Set Cookie.SecurePolicy to Always.");
        }

        if (cookie.Path is { } path && (!path.StartsWith('/') || !IsAttribute(path)))
        {
            failures.Add("Cookie.Path must begin with '/' and have neither ';' nor control characters.");
        }

        if (cookie.Domain is { } domain && (domain.Length == 0 || domain.Contains(' ', StringComparison.Ordinal) || !IsAttribute(domain)))
        {
            failures.Add("Cookie.Domain must be the name of a host, or null for the host of the request.");
        }

        if (!cookie.Extensions.All(IsAttribute))
        {
            failures.Add("Cookie.Extensions must have neither ';' nor control characters. Add one extension for each attribute.");
        }

        if (cookie.MaxAge <= TimeSpan.Zero)
        {
            failures.Add("Cookie.MaxAge must be longer than zero, or null for until the browser closes.");
        }

        if (cookie.Expiration is not null)
        {
            failures.Add("Cookie.Expiration can't be set, because it would not be renewed. Set Cookie.MaxAge.");
        }

        if (options.SignInGracePeriod < TimeSpan.Zero || options.SignInGracePeriod > TimeSpan.FromHours(1))
        {
            failures.Add($"{nameof(WorkflowSessionsOptions.SignInGracePeriod)} must be from zero, for none, to one hour.");
        }

        return failures.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(failures);

        bool HasPrefix(string prefix) => cookie.Name?.StartsWith(prefix, StringComparison.OrdinalIgnoreCase) == true;

        static bool IsAttribute(string value) => !value.Any(character => character is ';' || char.IsControl(character) || character > '~');
    }
}
