namespace WorkflowSessions;

/// <summary>Runs a function on a workflow, and runs it again on what is stored when others committed in between.</summary>
internal sealed class UpdateLoop(BufferedWorkflowEntries workflow, WorkflowTransfer transfer, BufferedSessionStoreOptions options)
{
    private const int MaxDelayMilliseconds = 256;

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
            if (await TryUpdateAsync(change, record, cancellationToken).ConfigureAwait(false))
            {
                return;
            }

            if (options.TimeProvider.GetElapsedTime(start) >= options.UpdateTimeout)
            {
                WorkflowRecord? now = await transfer.LoadAsync(cancellationToken).ConfigureAwait(false);
                workflow.Take(now);
                throw new WorkflowConflictException(workflow.Id, WorkflowConflictReason.Changed, Differences(record, now));
            }

            WorkflowSessionsDiagnostics.Retry(transfer.Store.Calls.StoreName);
            options.Logger.LogUpdateRunsAgain(workflow.Id, transfer.Store.Calls.StoreName);
            // Full jitter: those who collided don't meet again at the same time.
            int delay = Random.Shared.Next(Math.Min(MaxDelayMilliseconds, 1 << Math.Min(attempt, 8)) + 1);
            await Task.Delay(TimeSpan.FromMilliseconds(delay), options.TimeProvider, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <returns>False when others committed in between. In that case, and when it throws, the changes are dropped.</returns>
    private async ValueTask<bool> TryUpdateAsync(
        Func<CancellationToken, ValueTask> change,
        WorkflowRecord? record,
        CancellationToken cancellationToken
    )
    {
        bool stored = false;
        try
        {
            workflow.Update = UpdatePhase.RunningChange;
            await change(cancellationToken).ConfigureAwait(false);
            workflow.Update = UpdatePhase.Storing;
            cancellationToken.ThrowIfCancellationRequested();
            return stored =
                !workflow.HasChanges || await transfer.CommitAsync(record?.Version ?? 0, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            workflow.Update = UpdatePhase.Storing;
            if (!stored)
            {
                workflow.Take(record);
            }
        }
    }

    private static List<string> Differences(WorkflowRecord? before, WorkflowRecord? after)
    {
        Dictionary<string, WorkflowEntry> old = before?.Table ?? [];
        Dictionary<string, WorkflowEntry> now = after?.Table ?? [];
        return
        [
            .. old
                .Keys.Union(now.Keys, StringComparer.Ordinal)
                .Where(key =>
                    !old.TryGetValue(key, out WorkflowEntry? first)
                    || !now.TryGetValue(key, out WorkflowEntry? second)
                    || !first.Encoded.Span.SequenceEqual(second.Encoded.Span)
                )
                .Order(StringComparer.Ordinal),
        ];
    }
}
