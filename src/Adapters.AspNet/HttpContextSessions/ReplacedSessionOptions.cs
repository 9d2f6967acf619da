using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Options;

namespace WorkflowSessions.AspNetCore;

/// <summary>
/// The application's <see cref="SessionOptions"/>, from <c>AddSession(options => …)</c> or <c>Configure&lt;SessionOptions&gt;(…)</c>: the session that they
/// configured is replaced. Only their idle timeout is taken over.
/// </summary>
internal sealed class ReplacedSessionOptions : OptionsFactory<SessionOptions>
{
    // Nobody sets this. So an idle timeout that an application sets to the default is told from one that it does not set.
    private static readonly TimeSpan NotSet = TimeSpan.MinValue;

    public ReplacedSessionOptions(
        IEnumerable<IConfigureOptions<SessionOptions>> setups,
        IEnumerable<IPostConfigureOptions<SessionOptions>> postConfigures
    )
        : base(setups, postConfigures)
    {
        SessionOptions configured = Create(Options.DefaultName);
        IdleTimeout = configured.IdleTimeout == NotSet ? null : configured.IdleTimeout;
        Ignored = [.. IgnoredOf(configured, new SessionOptions())];
    }

    /// <summary>The idle timeout that the application set; null when it set none.</summary>
    public TimeSpan? IdleTimeout { get; }

    /// <summary>The names of the settings that the application changed and that have no effect.</summary>
    public IReadOnlyList<string> Ignored { get; }

    protected override SessionOptions CreateInstance(string name) => new() { IdleTimeout = NotSet };

    private static IEnumerable<string> IgnoredOf(SessionOptions configured, SessionOptions defaults)
    {
        (string Name, Func<CookieBuilder, object?> Read)[] settings =
        [
            (nameof(CookieBuilder.Name), cookie => cookie.Name),
            (nameof(CookieBuilder.Path), cookie => cookie.Path),
            (nameof(CookieBuilder.Domain), cookie => cookie.Domain),
            (nameof(CookieBuilder.HttpOnly), cookie => cookie.HttpOnly),
            (nameof(CookieBuilder.SameSite), cookie => cookie.SameSite),
            (nameof(CookieBuilder.SecurePolicy), cookie => cookie.SecurePolicy),
            (nameof(CookieBuilder.MaxAge), cookie => cookie.MaxAge),
            (nameof(CookieBuilder.IsEssential), cookie => cookie.IsEssential),
        ];
        foreach ((string name, Func<CookieBuilder, object?> read) in settings)
        {
            if (!Equals(read(configured.Cookie), read(defaults.Cookie)))
            {
                yield return $"Cookie.{name}";
            }
        }

        if (configured.IOTimeout != defaults.IOTimeout)
        {
            yield return nameof(SessionOptions.IOTimeout);
        }
    }
}
