namespace WorkflowSessions;

/// <summary>The calls of one session to its store, guarded: by the secret of the session, and by the limit of its workflows.</summary>
internal sealed class StoreCalls(BufferedSessionStore store)
{
    private readonly MeasuredCalls _calls = new(store);

    public string StoreName => _calls.StoreName;

    /// <summary>Loads a workflow for somebody who knows the current secret, and begins its idle time anew.</summary>
    public async ValueTask<WorkflowRecord?> LoadAsync(string workflowId, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        store.ThrowIfDisposed();
        if (store.HasNothingStored)
        {
            return null;
        }

        WorkflowRecord? record;
        if (store.RequiredSecret.IsEmpty || string.Equals(workflowId, SessionSecret.WorkflowId, StringComparison.Ordinal))
        {
            record = await _calls.ReadAsync(workflowId, cancellationToken).ConfigureAwait(false);
        }
        else if (store.LoadRenews)
        {
            await VerifyAsync(workflowId, cancellationToken).ConfigureAwait(false);
            record = await _calls.ReadAsync(workflowId, cancellationToken).ConfigureAwait(false);
        }
        else
        {
            // The secret is read after the workflow: a secret that is current then was current when the workflow was read.
            Task<WorkflowRecord?> reading = _calls.ReadAsync(workflowId, cancellationToken).AsTask();
            try
            {
                await VerifyAsync(workflowId, cancellationToken).ConfigureAwait(false);
            }
            catch
            {
                await ((Task)reading).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                throw;
            }

            record = await reading.ConfigureAwait(false);
        }

        store.ThrowIfDisposed();
        return record is null ? null : await _calls.RenewAsync(workflowId, record, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Begins the session before the first commit in it, if that is still to be done.</summary>
    public async ValueTask BeginSessionAsync(string workflowId, CancellationToken cancellationToken)
    {
        if (store.BeginSession is not { } begin || string.Equals(workflowId, SessionSecret.WorkflowId, StringComparison.Ordinal))
        {
            return;
        }

        try
        {
            await begin(cancellationToken).ConfigureAwait(false);
        }
        catch (SessionStoreException error)
        {
            throw new SessionStoreException(
                $"Workflow '{workflowId}' was not committed, because its session could not begin.",
                workflowId,
                mayBeStored: false,
                error
            );
        }
        catch (WorkflowConflictException refusal)
        {
            throw new WorkflowConflictException(
                $"Workflow '{workflowId}' was not committed. {refusal.Message}",
                workflowId,
                refusal.Reason,
                [],
                refusal
            );
        }

        store.BeginSession = null;
    }

    /// <summary>Commits a workflow. What would begin in a session that is over, or is one too many, is taken back.</summary>
    public async ValueTask<CommitResult> CommitAsync(WorkflowCommit commit, CancellationToken cancellationToken)
    {
        // Nobody else can know a session that has just been made.
        bool isKnown = !store.IsUnknownToOthers;
        store.HasNothingStored = false;
        CommitResult result = await _calls.SendAsync(commit, cancellationToken).ConfigureAwait(false);
        if (result.Outcome != CommitOutcome.Stored)
        {
            store.Options.Logger.LogCommitRefused(commit.WorkflowId, StoreName, result.Outcome);
        }
        else if (
            result.Generation == commit.NewGeneration
            && isKnown
            && !string.Equals(commit.WorkflowId, SessionSecret.WorkflowId, StringComparison.Ordinal)
        )
        {
            await new BegunWorkflow(store, _calls, commit).ConfirmAsync().ConfigureAwait(false);
        }

        return result;
    }

    /// <summary>Throws unless the session exists and its secret is the current one.</summary>
    public async ValueTask VerifyAsync(string workflowId, CancellationToken cancellationToken)
    {
        if (store.RequiredSecret.IsEmpty || store.HasNothingStored)
        {
            return;
        }

        (WorkflowRecord? record, SecretState session) = await ReadSecretAsync(workflowId, "loaded", mayBeStored: false, cancellationToken)
            .ConfigureAwait(false);
        if (!session.Exists)
        {
            throw new WorkflowConflictException(
                $"The session of workflow '{workflowId}' has ended or expired. Begin again with a new session.",
                workflowId,
                WorkflowConflictReason.Ended,
                []
            );
        }

        if (!session.Verify(store.RequiredSecret.Span))
        {
            throw new WorkflowConflictException(
                $"The session of workflow '{workflowId}' was given a new secret, so that this request has no access to it any more. Load the page again.",
                workflowId,
                WorkflowConflictReason.StaleSession,
                []
            );
        }

        _ = await _calls.RenewAsync(SessionSecret.WorkflowId, record!, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Reads the secret of the session on behalf of a workflow, which the error names.</summary>
    public async ValueTask<(WorkflowRecord? Record, SecretState Session)> ReadSecretAsync(
        string workflowId,
        string what,
        bool mayBeStored,
        CancellationToken cancellationToken
    )
    {
        try
        {
            WorkflowRecord? record = await _calls.ReadAsync(SessionSecret.WorkflowId, cancellationToken).ConfigureAwait(false);
            return (record, store.Secret.Take(record));
        }
        catch (SessionStoreException error)
        {
            throw new SessionStoreException(
                $"Workflow '{workflowId}' could not be {what} for certain, because the secret of its session could not be loaded. {error.Message}",
                workflowId,
                mayBeStored,
                error
            );
        }
    }
}
