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
        if (store.IsNew)
        {
            return null;
        }

        WorkflowRecord? record;
        if (store.Secret.IsEmpty || string.Equals(workflowId, SessionRecord.WorkflowId, StringComparison.Ordinal))
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
            // The record is read after the workflow: a secret that is current then was current when the workflow was read.
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
        bool isKnown = !store.IsFresh;
        store.IsNew = false;
        CommitResult result = await SendAsync(commit, cancellationToken).ConfigureAwait(false);
        if (result.Outcome != CommitOutcome.Stored)
        {
            _options.Logger.LogCommitRefused(commit.WorkflowId, StoreName, result.Outcome);
        }
        else if (
            result.Generation == commit.NewGeneration
            && isKnown
            && !string.Equals(commit.WorkflowId, SessionRecord.WorkflowId, StringComparison.Ordinal)
        )
        {
            await ConfirmBeginAsync(commit).ConfigureAwait(false);
        }

        return result;
    }

    /// <summary>Throws unless the session exists and its secret is the current one.</summary>
    public async ValueTask VerifyAsync(string workflowId, CancellationToken cancellationToken)
    {
        if (store.Secret.IsEmpty || store.IsNew)
        {
            return;
        }

        (WorkflowRecord? record, SessionRecord.State session) = await ReadRecordAsync(
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

        if (!session.Verify(store.Secret.Span))
        {
            throw new WorkflowConflictException(
                $"The session of workflow '{workflowId}' was given a new secret, so that this request has no access to it any more. Load the page again.",
                workflowId,
                WorkflowConflictReason.StaleSession,
                []
            );
        }

        _ = await RenewAsync(SessionRecord.WorkflowId, record!, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>
    /// Looks at the session after a workflow has begun in it. Whoever ends a session ends its record first, so that a workflow that began before is ended
    /// with the rest, and one that began after is taken back here.
    /// </summary>
    private async ValueTask ConfirmBeginAsync(WorkflowCommit commit)
    {
        string workflowId = commit.WorkflowId;
        if (!store.Secret.IsEmpty)
        {
            (_, SessionRecord.State session) = await ReadRecordAsync(workflowId, "committed", mayBeStored: true, CancellationToken.None)
                .ConfigureAwait(false);
            if (!session.Exists)
            {
                await TakeBackAsync(commit).ConfigureAwait(false);
                throw new WorkflowConflictException(
                    $"The session of workflow '{workflowId}' has ended meanwhile, so nothing was stored. Begin again with a new session.",
                    workflowId,
                    WorkflowConflictReason.Ended,
                    []
                );
            }
        }

        if (store.Capabilities.Listing && await CountAsync(workflowId).ConfigureAwait(false) > _options.MaxWorkflows)
        {
            await TakeBackAsync(commit).ConfigureAwait(false);
            throw new WorkflowLimitException(
                $"Workflow '{workflowId}' would be one more than the {_options.MaxWorkflows} that a session may have, so nothing was stored. "
                    + $"End workflows that are over, or raise {nameof(BufferedSessionStoreOptions.MaxWorkflows)}.",
                workflowId
            );
        }
    }

    private async ValueTask<int> CountAsync(string workflowId)
    {
        try
        {
            return await store.CountWorkflowsAsync(CancellationToken.None).ConfigureAwait(false);
        }
        catch (Exception error) when (error is SessionStoreException || BufferedSessionStore.IsForeign(error))
        {
            throw new SessionStoreException(
                $"Workflow '{workflowId}' is stored, but the workflows of its session could not be counted. Load it to see.",
                workflowId,
                mayBeStored: true,
                error
            );
        }
    }

    private async ValueTask TakeBackAsync(WorkflowCommit commit)
    {
        WorkflowCommit end = new(commit.WorkflowId, new Dictionary<string, ReadOnlyMemory<byte>>(StringComparer.Ordinal), [])
        {
            Ends = true,
            Generation = commit.NewGeneration,
            NewGeneration = commit.NewGeneration,
            IdleTimeout = commit.IdleTimeout,
            AbsoluteTimeout = commit.AbsoluteTimeout,
        };
        try
        {
            _ = await SendAsync(end, CancellationToken.None).ConfigureAwait(false);
        }
        catch (SessionStoreException error)
        {
            throw new SessionStoreException(
                $"Workflow '{commit.WorkflowId}' was refused, but may still be stored until it expires. Load it to see.",
                commit.WorkflowId,
                mayBeStored: true,
                error
            );
        }
    }

    private async ValueTask<(WorkflowRecord? Record, SessionRecord.State Session)> ReadRecordAsync(
        string workflowId,
        string what,
        bool mayBeStored,
        CancellationToken cancellationToken
    )
    {
        try
        {
            WorkflowRecord? record = await ReadAsync(SessionRecord.WorkflowId, cancellationToken).ConfigureAwait(false);
            return (record, store.Record.Take(record));
        }
        catch (SessionStoreException error)
        {
            throw new SessionStoreException(
                $"Workflow '{workflowId}' could not be {what} for certain, because the record of its session could not be loaded. {error.Message}",
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

    private async ValueTask<CommitResult> SendAsync(WorkflowCommit commit, CancellationToken cancellationToken)
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
