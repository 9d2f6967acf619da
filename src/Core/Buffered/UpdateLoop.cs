namespace WorkflowSessions;

/// <summary>Runs a function on a workflow, and runs it again on what is stored when others committed in between.</summary>
internal sealed class UpdateLoop(BufferedWorkflowEntries workflow, WorkflowTransfer transfer, BufferedSessionStoreOptions options)
{
    public async ValueTask RunAsync(Func<CancellationToken, ValueTask> change, CancellationToken cancellationToken)
    {
        workflow.ThrowIfUpdating();
        workflow.ThrowIfChanged();
        workflow.Update = UpdatePhase.Storing;
        try
        {
            await RunUntilStoredAsync(change, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            workflow.Update = UpdatePhase.None;
        }
    }

    private async ValueTask RunUntilStoredAsync(Func<CancellationToken, ValueTask> change, CancellationToken cancellationToken)
    {
        long start = options.TimeProvider.GetTimestamp();
        for (int attempt = 0; ; attempt++)
        {
            WorkflowRecord? record = await transfer.LoadAsync(cancellationToken).ConfigureAwait(false);
            workflow.Take(record);
            CommitOutcome outcome = await TryUpdateAsync(change, record, cancellationToken).ConfigureAwait(false);
            if (outcome == CommitOutcome.Stored)
            {
                return;
            }

            if (options.TimeProvider.GetElapsedTime(start) >= options.UpdateTimeout)
            {
                WorkflowRecord? now = await transfer.LoadAsync(cancellationToken).ConfigureAwait(false);
                workflow.Take(now);
                throw outcome == CommitOutcome.Completing
                    ? new WorkflowConflictException(workflow.Id, WorkflowConflictReason.Completing, [])
                    : new WorkflowConflictException(
                        workflow.Id,
                        WorkflowConflictReason.Changed,
                        EntryDifferences.Between(record?.Table ?? [], now)
                    );
            }

            WorkflowSessionsDiagnostics.Retry(transfer.Store.Calls.StoreName);
            options.Logger.LogUpdateRunsAgain(workflow.Id, transfer.Store.Calls.StoreName);
            await RetryDelay.WaitAsync(attempt, options.TimeProvider, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <returns>Why it is to run again, unless it is stored. Then, and when it throws, the changes are dropped.</returns>
    private async ValueTask<CommitOutcome> TryUpdateAsync(
        Func<CancellationToken, ValueTask> change,
        WorkflowRecord? record,
        CancellationToken cancellationToken
    )
    {
        CommitOutcome outcome = CommitOutcome.Changed;
        try
        {
            workflow.Update = UpdatePhase.RunningChange;
            await change(cancellationToken).ConfigureAwait(false);
            workflow.Update = UpdatePhase.Storing;
            cancellationToken.ThrowIfCancellationRequested();
            return outcome = workflow.HasChanges
                ? await transfer.CommitAsync(record?.Version ?? 0, cancellationToken).ConfigureAwait(false)
                : CommitOutcome.Stored;
        }
        finally
        {
            workflow.Update = UpdatePhase.Storing;
            if (outcome != CommitOutcome.Stored)
            {
                workflow.Take(record);
            }
        }
    }
}
