using Microsoft.Extensions.Logging;

namespace WorkflowSessions.AspNetCore;

/// <summary>
/// Which session a request belongs to: none yet, the one of a cookie that has yet to prove itself, a known one, or one whose secret was replaced. It opens the
/// store of that session. Not thread-safe: the request's session locks.
/// </summary>
internal sealed class SessionIdentity(ISessionStoreFactory stores, ILogger logger, TimeProvider clock)
{
    // Requests that a browser sends at the same time as a sign-in have come by then.
    private static readonly TimeSpan StaleFor = TimeSpan.FromMinutes(1);

    private readonly List<SessionCookie> _replaced = [];
    private Queue<SessionCookie>? _unproved;

    public SessionState State { get; private set; }

    /// <summary>The cookie of the session, also of one that has not begun.</summary>
    public SessionCookie? Cookie { get; private set; }

    /// <summary>The user that a new session belongs to; null for nobody.</summary>
    public string? UserId { get; private set; }

    /// <summary>The cookies of the request whose secrets were replaced.</summary>
    public IReadOnlyList<SessionCookie> Replaced => _replaced;

    /// <summary>Takes the cookies of a request. The first that proves itself is the session's.</summary>
    public void Take(IEnumerable<SessionCookie> cookies)
    {
        _unproved = new Queue<SessionCookie>(cookies);
        TakeNext();
    }

    /// <summary>Opens the store of the session.</summary>
    /// <param name="begin">Begins a new session with its cookie, in its store.</param>
    public BufferedSessionStore Open(Func<BufferedSessionStore, SessionCookie, CancellationToken, ValueTask> begin)
    {
        SessionCookie cookie = Cookie!;
        if (State is SessionState.New or SessionState.Stale)
        {
            return OpenNew(cookie, begin);
        }

        BufferedSessionStore store = OpenStore(cookie);
        store.RequireSecret(cookie.Secret);
        return store;
    }

    /// <summary>Opens the store of a session that has yet to begin.</summary>
    public BufferedSessionStore OpenNew(SessionCookie cookie, Func<BufferedSessionStore, SessionCookie, CancellationToken, ValueTask> begin)
    {
        BufferedSessionStore store = OpenStore(cookie);
        store.BeginOnFirstCommit(cancellation => begin(store, cookie, cancellation));
        return store;
    }

    public BufferedSessionStore OpenStore(SessionCookie cookie) => stores.Open(cookie.SessionId);

    /// <summary>The store has verified the secret of the cookie.</summary>
    public void Accept() => State = SessionState.Known;

    /// <summary>The store has refused the secret of the cookie. The next one is tried.</summary>
    /// <param name="reason">Why.</param>
    /// <param name="replacedAt">When the secret was replaced, if it was.</param>
    public void Reject(WorkflowConflictReason reason, DateTimeOffset? replacedAt)
    {
        if (reason == WorkflowConflictReason.StaleSession)
        {
            logger.LogStaleSession();
            _replaced.Add(Cookie!);
            IsStale |= replacedAt is null || clock.GetUtcNow() - replacedAt < StaleFor;
        }
        else
        {
            // An id that a client made up is not adopted.
            logger.LogUnknownSession();
        }

        TakeNext();
    }

    /// <summary>The session is known by this cookie from now on.</summary>
    public void Adopt(SessionCookie cookie)
    {
        Cookie = cookie;
        State = SessionState.Known;
    }

    /// <summary>What is opened next belongs to a new session.</summary>
    /// <param name="cookie">The cookie of the new session.</param>
    /// <param name="userId">The user that the session belongs to; null for nobody.</param>
    public void BeginAnew(SessionCookie cookie, string? userId)
    {
        Cookie = cookie;
        UserId = userId;
        State = SessionState.New;
    }

    /// <summary>A new session may begin, although the cookie was stale: whoever signs in gets one.</summary>
    /// <param name="userId">The user that the session belongs to; null for nobody.</param>
    public void AllowNew(string? userId)
    {
        UserId = userId;
        State = SessionState.New;
    }

    /// <summary>Whether a secret was replaced so lately that the browser may have the new one, which a new session must not overwrite.</summary>
    private bool IsStale { get; set; }

    private void TakeNext()
    {
        if (_unproved!.TryDequeue(out SessionCookie? cookie))
        {
            Cookie = cookie;
            State = SessionState.Unproved;
        }
        else
        {
            Cookie = SessionCookie.Create();
            State = IsStale ? SessionState.Stale : SessionState.New;
        }
    }
}
