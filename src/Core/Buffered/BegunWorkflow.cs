namespace WorkflowSessions;

/// <summary>
/// A workflow that a commit has just begun. It is taken back when its session has ended meanwhile, or has too many workflows. Whoever ends a session ends its
/// secret first: a workflow that began before that is ended with the rest, and one that began after it is taken back here.
/// </summary>
internal sealed class BegunWorkflow(BufferedSessionStore store, MeasuredCalls calls, WorkflowCommit commit)
{
    // A new workflow has this version until somebody else commits to it.
    private const long FirstVersion = 1;

    private string WorkflowId => commit.WorkflowId;

    /// <exception cref="WorkflowConflictException">The session has ended; the workflow was taken back.</exception>
    /// <exception cref="WorkflowLimitException">The session has too many workflows; this one was taken back.</exception>
    public async ValueTask ConfirmAsync()
    {
        if (!store.RequiredSecret.IsEmpty)
        {
            (_, SecretState session) = await store
                .Calls.ReadSecretAsync(WorkflowId, "committed", mayBeStored: true, CancellationToken.None)
                .ConfigureAwait(false);
            if (!session.Exists)
            {
                _ = await TakeBackAsync(requiredVersion: null).ConfigureAwait(false);
                throw new WorkflowConflictException(
                    $"The session of workflow '{WorkflowId}' has ended meanwhile, so nothing was stored. Begin again with a new session.",
                    WorkflowId,
                    WorkflowConflictReason.Ended,
                    []
                );
            }
        }

        int limit = store.Options.MaxWorkflows;
        // One that another request has committed to is acknowledged there, and stays.
        if (
            store.Capabilities.Listing
            && await CountAsync().ConfigureAwait(false) > limit
            && await TakeBackAsync(FirstVersion).ConfigureAwait(false)
        )
        {
            throw new WorkflowLimitException(
                $"Workflow '{WorkflowId}' would be one more than the {limit} that a session may have, so nothing was stored. "
                    + $"End workflows that are over, or raise {nameof(BufferedSessionStoreOptions.MaxWorkflows)}.",
                WorkflowId
            );
        }
    }

    private async ValueTask<int> CountAsync()
    {
        try
        {
            return await store.CountWorkflowsAsync(CancellationToken.None).ConfigureAwait(false);
        }
        catch (Exception error) when (error is SessionStoreException || BufferedSessionStore.IsEngineError(error))
        {
            throw new SessionStoreException(
                $"Workflow '{WorkflowId}' is stored, but the workflows of its session could not be counted. Load it to see.",
                WorkflowId,
                mayBeStored: true,
                error
            );
        }
    }

    /// <returns>False when another request has committed to it or completes it, so that nothing was taken back.</returns>
    private async ValueTask<bool> TakeBackAsync(long? requiredVersion)
    {
        WorkflowCommit end = new(WorkflowId, new Dictionary<string, WorkflowEntry>(StringComparer.Ordinal), [])
        {
            Ends = true,
            Generation = commit.NewGeneration,
            NewGeneration = commit.NewGeneration,
            RequiredVersion = requiredVersion,
            IdleTimeout = commit.IdleTimeout,
            AbsoluteTimeout = commit.AbsoluteTimeout,
        };
        try
        {
            CommitResult result = await calls.SendAsync(end, CancellationToken.None).ConfigureAwait(false);
            return result.Outcome is CommitOutcome.Stored or CommitOutcome.Ended;
        }
        catch (SessionStoreException error)
        {
            throw new SessionStoreException(
                $"Workflow '{WorkflowId}' was refused, but may still be stored until it expires. Load it to see.",
                WorkflowId,
                mayBeStored: true,
                error
            );
        }
    }
}
