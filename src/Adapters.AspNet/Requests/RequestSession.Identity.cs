namespace WorkflowSessions.AspNetCore;

/// <content>Beginning and ending the session, and replacing its secret.</content>
internal sealed partial class RequestSession
{
    public async ValueTask RegenerateIdAsync(string? userId, CancellationToken cancellationToken)
    {
        BufferedSessionStore store = await ProveAsync(cancellationToken).ConfigureAwait(false);
        SessionCookie cookie;
        lock (_gate)
        {
            ThrowIfNoCookieCanBeSent();
            cookie = _identity.Cookie!;
            _identity.UserId = userId;
        }

        switch (_identity.State)
        {
            case SessionState.Known:
                if (await RotateAsync(store, cookie, userId, cancellationToken).ConfigureAwait(false) is { } next)
                {
                    Adopt(store, next);
                }
                else
                {
                    await ReplaceSessionAsync(store, cookie, cancellationToken).ConfigureAwait(false);
                }

                break;

            case SessionState.Stale:
            case SessionState.New:
                if (!await RecoverAsync(store, userId, cancellationToken).ConfigureAwait(false))
                {
                    // The id of a session that nobody has heard of yet is new enough.
                    AllowNew();
                }

                break;
        }
    }

    public async ValueTask EndSessionAsync(CancellationToken cancellationToken)
    {
        BufferedSessionStore store = await ProveAsync(cancellationToken).ConfigureAwait(false);
        bool isKnown = _identity.State == SessionState.Known;
        if (isKnown)
        {
            try
            {
                await store.VerifySecretAsync(cancellationToken).ConfigureAwait(false);
                await store.EndAsync(cancellationToken).ConfigureAwait(false);
            }
            catch (WorkflowConflictException refusal) when (refusal.Reason == WorkflowConflictReason.Ended)
            {
                // A parallel request was faster.
            }
        }

        lock (_gate)
        {
            ThrowIfOver();
            if (CanSendCookie && (HasCookie || _sendsCookie))
            {
                SendAtStart(deletes: true);
            }

            Drop("The session was ended in this request. Open the workflow again to begin a new session.");
            _identity.BeginAnew();
        }
    }

    /// <returns>The new cookie; null when the session belongs to another user, or another request has replaced the secret.</returns>
    private async ValueTask<SessionCookie?> RotateAsync(
        BufferedSessionStore store,
        SessionCookie cookie,
        string? userId,
        CancellationToken cancellationToken
    )
    {
        SessionCookie next = cookie.Renew();
        bool isReplaced = userId is null
            ? await store.Record.RotateAsync(cookie.Secret, next.Secret, cancellationToken).ConfigureAwait(false)
            : await store
                .Record.RotateAsync(
                    cookie.Secret,
                    next.Secret,
                    cookie.HashUserId(userId),
                    _services.Options.SignInGracePeriod,
                    cancellationToken
                )
                .ConfigureAwait(false);
        return isReplaced ? next : null;
    }

    /// <summary>Goes on in a new session. One that belongs to another user ends, because nobody has access to it any more.</summary>
    private async ValueTask ReplaceSessionAsync(BufferedSessionStore store, SessionCookie cookie, CancellationToken cancellationToken)
    {
        BufferedSessionStore next;
        lock (_gate)
        {
            ThrowIfOver();
            _identity.BeginAnew();
            SendAtStart(deletes: true);
            next = Use(_identity.Open(BeginSessionAsync));
        }

        await store.MoveWorkflowsToAsync(next, cancellationToken).ConfigureAwait(false);
        if (store.Record.Verify(cookie.Secret.Span))
        {
            await store.EndAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Finds the session of a user whose browser lost the answer to a sign-in a moment ago.</summary>
    private async ValueTask<bool> RecoverAsync(BufferedSessionStore store, string? userId, CancellationToken cancellationToken)
    {
        foreach (SessionCookie replaced in userId is null ? [] : _identity.Replaced)
        {
            BufferedSessionStore recovered = _identity.OpenStore(replaced);
            if (await RotateAsync(recovered, replaced, userId, cancellationToken).ConfigureAwait(false) is { } next)
            {
                lock (_gate)
                {
                    ThrowIfOver();
                    Use(recovered);
                }

                Adopt(recovered, next);
                await store.MoveWorkflowsToAsync(recovered, cancellationToken).ConfigureAwait(false);
                return true;
            }
        }

        return false;
    }

    private void Adopt(BufferedSessionStore store, SessionCookie next)
    {
        lock (_gate)
        {
            ThrowIfOver();
            _identity.Adopt(next);
            store.RequireSecret(next.Secret);
            SendAtStart(deletes: false);
        }
    }

    private void AllowNew()
    {
        lock (_gate)
        {
            ThrowIfOver();
            if (_identity.State == SessionState.Stale)
            {
                _identity.AllowNew();
                // Until something begins the new session, the old cookie would refuse every change.
                SendAtStart(deletes: true);
            }
        }
    }

    private async ValueTask BeginSessionAsync(BufferedSessionStore store, SessionCookie cookie, CancellationToken cancellationToken)
    {
        ReadOnlyMemory<byte> owner;
        lock (_gate)
        {
            ThrowIfOver();
            if (_identity.State == SessionState.Stale)
            {
                throw new WorkflowConflictException(
                    "The session was given a new secret since this request's cookie was set, so nothing was stored. Load the page again.",
                    "",
                    WorkflowConflictReason.StaleSession,
                    []
                );
            }

            ThrowIfNoCookieCanBeSent();
            owner = _identity.UserId is { } userId ? cookie.HashUserId(userId) : default;
        }

        // An attempt before, without an answer, may have begun it.
        if (
            !await store.Record.BeginAsync(cookie.Secret, owner, cancellationToken).ConfigureAwait(false)
            && !store.Record.Verify(cookie.Secret.Span)
        )
        {
            throw new InvalidOperationException("The id of the new session is taken. Try again.");
        }

        lock (_gate)
        {
            ThrowIfOver();
            _identity.Adopt(cookie);
            SendAtStart(deletes: false);
        }
    }
}
