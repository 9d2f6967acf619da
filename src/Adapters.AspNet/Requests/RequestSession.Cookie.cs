using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace WorkflowSessions.AspNetCore;

/// <content>Sending the cookie.</content>
internal sealed partial class RequestSession
{
    private bool _sendsCookie;
    private bool _deletesCookie;

    private bool CanSendCookie => !_isHub && !_context!.Response.HasStarted;

    /// <summary>Sends a cookie with a maximum age again when a tenth of that has gone. A failure is none of the request.</summary>
    private async ValueTask SendAgainIfDueAsync(BufferedSessionStore store)
    {
        bool isDue =
            _services.Cookies.MaxAge is { } maxAge
            && !_isHub
            && (store.Secret.SentAt is not { } sent || _services.Clock.GetUtcNow() - sent >= maxAge / 10);
        if (!isDue)
        {
            return;
        }

        try
        {
            if (await store.Secret.MarkSentAsync().ConfigureAwait(false))
            {
                lock (_gate)
                {
                    if (!_isOver && CanSendCookie && store.Secret.Verify(_identity.Cookie!.Secret.Span))
                    {
                        SendAtStart(deletes: false);
                    }
                }
            }
        }
        catch (WorkflowSessionException)
        {
            // The next request tries again.
        }
    }

    private void ThrowIfNoCookieCanBeSent()
    {
        if (_isHub)
        {
            throw new InvalidOperationException(
                "A session can neither begin nor get a new id in a hub, whose connection sends no cookies. Do it in a request before."
            );
        }

        if (_context!.Response.HasStarted)
        {
            throw new InvalidOperationException(
                "The response has started, so that the cookie of the session can't be sent any more. Change or commit a workflow earlier."
            );
        }
    }

    private void SendAtStart(bool deletes)
    {
        _deletesCookie = deletes;
        if (!_sendsCookie)
        {
            // When the response starts, because error handlers clear the headers that there are before.
            // Not among the callbacks that run before a commit, for the same reason.
            IHttpResponseFeature response = _context!.Features.GetRequiredFeature<IHttpResponseFeature>();
            response = (response as CommittingResponse)?.Inner ?? response;
            response.OnStarting(static session => ((RequestSession)session).SendCookieAsync(), this);
            _sendsCookie = true;
        }
    }

    private Task SendCookieAsync()
    {
        HttpContext context = _context!;
        if (_deletesCookie)
        {
            _services.Cookies.Delete(context);
        }
        else
        {
            _services.Cookies.Send(context, _identity.Cookie!);
            // From now on the client can use it in another request.
            _store?.RequireSecret(_identity.Cookie!.Secret);
        }

        // Nobody else may get it from a cache.
        context.Response.Headers.CacheControl = "no-cache,no-store";
        context.Response.Headers.Pragma = "no-cache";
        context.Response.Headers.Expires = "-1";
        return Task.CompletedTask;
    }
}
