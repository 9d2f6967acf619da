namespace WorkflowSessions;

/// <summary>The calls of one session to its store: guarded by the secret of the session, measured, logged, and with errors of one type.</summary>
internal sealed class StoreCalls(BufferedSessionStore store)
{
    private readonly BufferedSessionStoreOptions _options = store.Options;

    public string StoreName { get; } = store.GetType().Name;

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
            record = await ReadAsync(workflowId, cancellationToken).ConfigureAwait(false);
        }
        else if (store.LoadRenews)
        {
            await VerifyAsync(workflowId, cancellationToken).ConfigureAwait(false);
            record = await ReadAsync(workflowId, cancellationToken).ConfigureAwait(false);
        }
        else
        {
            // The secret is read after the workflow: a secret that is current then was current when the workflow was read.
            Task<WorkflowRecord?> reading = ReadAsync(workflowId, cancellationToken).AsTask();
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
        return record is null ? null : await RenewAsync(workflowId, record, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Commits a workflow. What would begin in a session that is over, or is one too many, is taken back.</summary>
    public async ValueTask<CommitResult> CommitAsync(WorkflowCommit commit, CancellationToken cancellationToken)
    {
        // Nobody else can know a session that has just been made.
        bool isKnown = !store.IsUnknownToOthers;
        store.HasNothingStored = false;
        CommitResult result = await SendAsync(commit, cancellationToken).ConfigureAwait(false);
        if (result.Outcome != CommitOutcome.Stored)
        {
            _options.Logger.LogCommitRefused(commit.WorkflowId, StoreName, result.Outcome);
        }
        else if (
            result.Generation == commit.NewGeneration
            && isKnown
            && !string.Equals(commit.WorkflowId, SessionSecret.WorkflowId, StringComparison.Ordinal)
        )
        {
            await new BegunWorkflow(store, commit).ConfirmAsync().ConfigureAwait(false);
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

        (WorkflowRecord? record, SessionSecret.State session) = await ReadSecretAsync(
                workflowId,
                "loaded",
                mayBeStored: false,
                cancellationToken
            )
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

        _ = await RenewAsync(SessionSecret.WorkflowId, record!, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Reads the secret of the session on behalf of a workflow, which the error names.</summary>
    public async ValueTask<(WorkflowRecord? Record, SessionSecret.State Session)> ReadSecretAsync(
        string workflowId,
        string what,
        bool mayBeStored,
        CancellationToken cancellationToken
    )
    {
        try
        {
            WorkflowRecord? record = await ReadAsync(SessionSecret.WorkflowId, cancellationToken).ConfigureAwait(false);
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

    private async ValueTask<WorkflowRecord> RenewAsync(string workflowId, WorkflowRecord record, CancellationToken cancellationToken)
    {
        try
        {
            return await store
                .RenewWorkflowAsync(workflowId, record, _options.Timeouts(workflowId).Idle, cancellationToken)
                .ConfigureAwait(false);
        }
        catch (Exception error) when (error is not OperationCanceledException)
        {
            // The workflow is loaded. The next load or commit renews it.
            _options.Logger.LogRenewalFailed(workflowId, StoreName, NameOf(error));
            return record;
        }
    }

    private async ValueTask<WorkflowRecord?> ReadAsync(string workflowId, CancellationToken cancellationToken)
    {
        StoreOperation operation = StoreOperation.Load(StoreName, _options.TimeProvider);
        try
        {
            WorkflowRecord? record = await store.LoadWorkflowAsync(workflowId, cancellationToken).ConfigureAwait(false);
            operation.Outcome = record is null ? "absent" : "loaded";
            return record;
        }
        catch (OperationCanceledException)
        {
            operation.Outcome = StoreOperation.Cancelled;
            throw;
        }
        catch (Exception error)
        {
            _options.Logger.LogLoadFailed(workflowId, StoreName, NameOf(error));
            if (error is WorkflowSessionException)
            {
                throw;
            }

            throw new SessionStoreException($"Workflow '{workflowId}' could not be loaded.", workflowId, mayBeStored: false, error);
        }
        finally
        {
            operation.End();
        }
    }

    /// <summary>Sends a commit to the store, without a look at the session.</summary>
    public async ValueTask<CommitResult> SendAsync(WorkflowCommit commit, CancellationToken cancellationToken)
    {
        StoreOperation operation = StoreOperation.Commit(StoreName, _options.TimeProvider, commit);
        try
        {
            CommitResult result = await store.CommitWorkflowAsync(commit, cancellationToken).ConfigureAwait(false);
            operation.Outcome = result.Outcome switch
            {
                CommitOutcome.Stored => "stored",
                CommitOutcome.Ended => "ended",
                _ => "changed",
            };
            return result;
        }
        catch (OperationCanceledException)
        {
            operation.Outcome = StoreOperation.Cancelled;
            throw;
        }
        catch (Exception error)
        {
            bool mayBeStored = error is SessionStoreException { MayBeStored: true } or not WorkflowSessionException;
            _options.Logger.LogCommitFailed(commit.WorkflowId, StoreName, NameOf(error), mayBeStored);
            if (error is WorkflowSessionException)
            {
                throw;
            }

            throw new SessionStoreException(
                $"The changes of workflow '{commit.WorkflowId}' could not be committed, or may have been without an answer.",
                commit.WorkflowId,
                mayBeStored: true,
                error
            );
        }
        finally
        {
            operation.End();
        }
    }

    /// <summary>The type of the engine's error, and not what it says, which may hold anything.</summary>
    private static string NameOf(Exception error) => ((error as SessionStoreException)?.InnerException ?? error).GetType().Name;
}
