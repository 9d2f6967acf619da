namespace WorkflowSessions.AspNetCore;

/// <content>Finding out which session it is: the first cookie whose secret the store verifies.</content>
internal sealed partial class RequestSession
{
    /// <summary>Finds out which session it is, with one round trip unless that is known.</summary>
    private async ValueTask<BufferedSessionStore> ProveAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            BufferedSessionStore store;
            lock (_gate)
            {
                ThrowIfNotRunning();
                DropIfFailed();
                Observe();
                PreventCaching();
                store = Current();
                if (_identity.State != SessionState.Unproved)
                {
                    return store;
                }
            }

            try
            {
                await store.VerifySecretAsync(cancellationToken).ConfigureAwait(false);
                await AcceptAsync(store).ConfigureAwait(false);
            }
            catch (WorkflowConflictException refusal) when (IsRejected(store, refusal))
            {
                // The next cookie, or a new session.
            }
        }
    }

    /// <summary>The store of the session as far as it is known. Call it in the lock.</summary>
    private BufferedSessionStore Current()
    {
        ThrowIfOver();
        if (_store is not null)
        {
            return _store;
        }

        if (_identity.State == SessionState.Unknown)
        {
            _identity.Take(_services.Cookies.Read(_context!));
        }

        return Use(_identity.Open(BeginSessionAsync));
    }

    private BufferedSessionStore Use(BufferedSessionStore store)
    {
        _store = store;
        (_stores ??= []).Add(store);
        bool isNew = _identity.State is SessionState.New or SessionState.Stale;
        if (isNew && !_isHub && _context!.Response.HasStarted)
        {
            store.MakeReadOnly(TooLateToBegin);
        }

        if (_readOnlyReason is { } reason)
        {
            store.MakeReadOnly(reason);
        }

        return store;
    }

    private async ValueTask AcceptAsync(BufferedSessionStore store)
    {
        lock (_gate)
        {
            ThrowIfOver();
            if (_identity.State != SessionState.Unproved || !ReferenceEquals(store, _store))
            {
                return;
            }

            _identity.Accept();
        }

        await SendAgainIfDueAsync(store).ConfigureAwait(false);
    }

    private bool IsRejected(BufferedSessionStore store, WorkflowConflictException refusal)
    {
        lock (_gate)
        {
            if (!ReferenceEquals(store, _store))
            {
                // Another call has moved on already. Look again.
                return true;
            }

            if (_identity.State != SessionState.Unproved || refusal.Reason == WorkflowConflictReason.Changed)
            {
                return false;
            }

            _identity.Reject(refusal.Reason, store.Secret.SentAt);
            _store = null;
            return true;
        }
    }
}
