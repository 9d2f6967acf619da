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
                    await ReplaceSessionAsync(store, cookie, userId, cancellationToken).ConfigureAwait(false);
                }

                break;

            case SessionState.Stale:
            case SessionState.New:
                if (!await RecoverAsync(store, userId, cancellationToken).ConfigureAwait(false))
                {
                    // The id of a session that nobody has heard of yet is new enough.
                    AllowNew(userId);
                }

                break;
        }
    }

    public async ValueTask EndSessionAsync(CancellationToken cancellationToken)
    {
        BufferedSessionStore store = await ProveAsync(cancellationToken).ConfigureAwait(false);
        if (_identity.State == SessionState.Stale)
        {
            // The session lives on with its new secret, and the browser may have that already.
            throw Stale("The session was not ended.");
        }

        if (_identity.State == SessionState.Known)
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

            CloseAllBut(store);
            Drop("The session was ended in this request. Open the workflow again to begin a new session.");
            _identity.BeginAnew(SessionCookie.Create(), userId: null);
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
        if (userId is null)
        {
            return await store.Secret.RotateAsync(cookie.Secret, next.Secret, cancellationToken).ConfigureAwait(false) ? next : null;
        }

        TimeSpan gracePeriod = _services.Options.SignInGracePeriod;
        byte[] owner = cookie.HashUserId(userId);
        return await store.Secret.RotateAsync(cookie.Secret, next.Secret, owner, gracePeriod, cancellationToken).ConfigureAwait(false)
                ? next
            : await store.Secret.RecoverAsync(cookie.Secret, owner, gracePeriod, cancellationToken).ConfigureAwait(false) is { } current
                ? cookie.With(current)
            : null;
    }

    /// <summary>Goes on in a new session. One that belongs to another user ends, because nobody has access to it any more.</summary>
    private async ValueTask ReplaceSessionAsync(
        BufferedSessionStore store,
        SessionCookie cookie,
        string? userId,
        CancellationToken cancellationToken
    )
    {
        lock (_gate)
        {
            ThrowIfOver();
            SessionCookie next = SessionCookie.Create();
            // Before anything else, because it throws where a workflow is in UpdateAsync. Nothing is stored of a new session, so nothing is loaded.
            BufferedSessionStore opened = _identity.OpenNew(next, BeginSessionAsync);
            _ = store.MoveWorkflowsTo(opened);
            _identity.BeginAnew(next, userId);
            SendAtStart(deletes: true);
            CloseAllBut(store);
            Use(opened);
        }

        if (store.Secret.Verify(cookie.Secret.Span))
        {
            await store.EndAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Finds the session of a user whose browser lost the answer to a sign-in a moment ago.</summary>
    private async ValueTask<bool> RecoverAsync(BufferedSessionStore store, string? userId, CancellationToken cancellationToken)
    {
        if (userId is null)
        {
            return false;
        }

        foreach (SessionCookie replaced in _identity.Replaced)
        {
            BufferedSessionStore recovered = _identity.OpenStore(replaced);
            ReadOnlyMemory<byte>? current = await recovered
                .Secret.RecoverAsync(replaced.Secret, replaced.HashUserId(userId), _services.Options.SignInGracePeriod, cancellationToken)
                .ConfigureAwait(false);
            if (current is null)
            {
                continue;
            }

            IReadOnlyList<IWorkflowEntries> moved;
            lock (_gate)
            {
                ThrowIfOver();
                moved = store.MoveWorkflowsTo(recovered);
                Use(recovered);
            }

            Adopt(recovered, replaced.With(current.Value));
            foreach (IWorkflowEntries workflow in moved)
            {
                await workflow.LoadAsync(cancellationToken).ConfigureAwait(false);
            }

            return true;
        }

        return false;
    }

    /// <summary>
    /// The request goes on in another session: workflows of this one that it has given up, as with <c>DiscardChanges</c>, are not read any more. Call it in the lock.
    /// </summary>
    private void CloseAllBut(BufferedSessionStore store) =>
        _stores?.Where(opened => !ReferenceEquals(opened, store)).ToList().ForEach(opened => opened.Dispose());

    private static WorkflowConflictException Stale(string what) =>
        new(
            $"{what} The session was given a new secret since this request's cookie was set. Load the page again.",
            "",
            WorkflowConflictReason.StaleSession,
            []
        );

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

    private void AllowNew(string? userId)
    {
        lock (_gate)
        {
            ThrowIfOver();
            if (_identity.State == SessionState.Stale)
            {
                // Until something begins the new session, the old cookie would refuse every change.
                SendAtStart(deletes: true);
            }

            if (_identity.State != SessionState.Known)
            {
                _identity.AllowNew(userId);
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
                throw Stale("Nothing was stored.");
            }

            ThrowIfNoCookieCanBeSent();
            owner = _identity.UserId is { } userId ? cookie.HashUserId(userId) : default;
        }

        // An attempt before, without an answer, may have begun it.
        if (
            !await store.Secret.BeginAsync(cookie.Secret, owner, cancellationToken).ConfigureAwait(false)
            && !store.Secret.Verify(cookie.Secret.Span)
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
