namespace WorkflowSessions;

/// <summary>The way of one workflow from its store into memory, and of its changes back.</summary>
internal sealed class WorkflowTransfer(BufferedWorkflowEntries workflow, BufferedSessionStore opened)
{
    private volatile BufferedSessionStore _store = opened;

    /// <summary>The session that the workflow belongs to. A request may go on in another one.</summary>
    public BufferedSessionStore Store
    {
        get => _store;
        set => _store = value;
    }

    public bool IsCommitting { get; private set; }

    /// <summary>Loads the workflow from the session in which the request goes on.</summary>
    public async ValueTask<WorkflowRecord?> LoadAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            BufferedSessionStore store = _store;
            WorkflowRecord? record = await store.Calls.LoadAsync(workflow.Id, cancellationToken).ConfigureAwait(false);
            // The request may have gone on in another session meanwhile, which must not see what this one has.
            if (ReferenceEquals(store, _store))
            {
                return record;
            }
        }
    }

    /// <summary>Sends a commit that has nothing of the changes.</summary>
    public ValueTask<CommitResult> SendAsync(WorkflowCommit commit, CancellationToken cancellationToken) =>
        _store.Calls.CommitAsync(commit, cancellationToken);

    /// <summary>Commits the changes.</summary>
    /// <returns>Stored; or, when a version was required, why the commit is to be tried again on what is stored now.</returns>
    public async ValueTask<CommitOutcome> CommitAsync(long? requiredVersion, CancellationToken cancellationToken)
    {
        _store.ThrowIfReadOnly();
        await _store.Calls.BeginSessionAsync(workflow.Id, cancellationToken).ConfigureAwait(false);
        WorkflowCommit commit = workflow.ToCommit(requiredVersion);
        int lastChange = workflow.LastChange;
        CommitResult result;
        IsCommitting = true;
        try
        {
            result = await _store.Calls.CommitAsync(commit, cancellationToken).ConfigureAwait(false);
            if (result.Outcome == CommitOutcome.Stored)
            {
                workflow.SetCommitted(lastChange, result);
            }
        }
        finally
        {
            IsCommitting = false;
            if (workflow.Generation is null)
            {
                // It was ended while the commit was under way, which did not begin it.
                workflow.ForgetEnd();
            }
        }

        return result.Outcome switch
        {
            CommitOutcome.Stored or CommitOutcome.Changed => result.Outcome,
            CommitOutcome.Completed or CommitOutcome.Completing when requiredVersion is not null => result.Outcome,
            CommitOutcome.TooManyEntries => throw new WorkflowLimitException(
                $"Workflow '{workflow.Id}' was not committed: other requests have added entries, and with those of this one it would have more than "
                    + $"{commit.MaxEntries}. Load it again and delete entries, keep a collection under one key, or raise {nameof(BufferedSessionStoreOptions.MaxEntries)}.",
                workflow.Id
            ),
            CommitOutcome.Completed => throw new WorkflowConflictException(workflow.Id, WorkflowConflictReason.Completed, []),
            CommitOutcome.Completing => throw new WorkflowConflictException(workflow.Id, WorkflowConflictReason.Completing, []),
            _ => throw new WorkflowConflictException(workflow.Id, WorkflowConflictReason.Ended, []),
        };
    }
}
