namespace WorkflowSessions;

/// <summary>The calls of one session to its store: measured, logged, and with errors of one type.</summary>
internal sealed class MeasuredCalls(BufferedSessionStore store)
{
    private readonly BufferedSessionStoreOptions _options = store.Options;

    public string StoreName { get; } = store.GetType().Name;

    /// <summary>Begins the idle time of a workflow anew. A failure is logged only.</summary>
    public async ValueTask<WorkflowRecord> RenewAsync(string workflowId, WorkflowRecord record, CancellationToken cancellationToken)
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

    /// <summary>Loads a workflow.</summary>
    public async ValueTask<WorkflowRecord?> ReadAsync(string workflowId, CancellationToken cancellationToken)
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

    /// <summary>Commits a workflow.</summary>
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
                CommitOutcome.TooManyEntries => "too_many_entries",
                CommitOutcome.Completed => "completed",
                CommitOutcome.Completing => "completing",
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
