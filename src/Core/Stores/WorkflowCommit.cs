namespace WorkflowSessions;

/// <summary>What one request changed in one workflow. A store applies all of it, in one step, or none.</summary>
/// <remarks>
/// <code>
/// loaded         stored now                     a commit
/// absent         absent                         creates the workflow, with NewGeneration
/// absent         present                        merges
/// generation G   generation G                   merges: keys that are not in it stay as they are
/// generation G   absent or another generation   is refused (Ended); with Ends it succeeds and removes nothing
/// any            any, and RequiredVersion       is refused (Changed) when another version is stored
/// any            present                        is refused (TooManyEntries) when it merges and more than MaxEntries would be stored
/// </code>
/// <see cref="Apply"/> is these rules as code, for a store that reads, applies and writes under a lock or a compare-and-set.
/// </remarks>
public sealed class WorkflowCommit
{
    internal WorkflowCommit(string workflowId, IReadOnlyDictionary<string, WorkflowEntry> sets, IReadOnlyCollection<string> deletes)
    {
        WorkflowId = workflowId;
        Sets = sets;
        Deletes = deletes;
    }

    /// <summary>The id of the workflow.</summary>
    public string WorkflowId { get; }

    /// <summary>The keys that were set, with their encoded values.</summary>
    public IReadOnlyDictionary<string, WorkflowEntry> Sets { get; }

    /// <summary>The keys that were deleted, or set and deleted again; empty when the workflow was cleared.</summary>
    public IReadOnlyCollection<string> Deletes { get; }

    /// <summary>Whether every entry goes, also those that the request never saw, before <see cref="Sets"/> apply.</summary>
    public bool Clears { get; internal init; }

    /// <summary>Whether the workflow ends. With a <see cref="Stamp"/> it then begins anew, in <see cref="NewGeneration"/>.</summary>
    public bool Ends { get; internal init; }

    /// <summary>When the last of the changes was made; null when the workflow ends and nothing was changed after that.</summary>
    public DateTimeOffset? Stamp { get; internal init; }

    /// <summary>How long the workflow stays when nobody uses it; null for no limit.</summary>
    public TimeSpan? IdleTimeout { get; internal init; }

    /// <summary>How long a workflow that this commit creates stays at the longest; null for no limit.</summary>
    public TimeSpan? AbsoluteTimeout { get; internal init; }

    /// <summary>When the workflow ends unless it is used again, as far as this request knows; null when it does not know, or for never.</summary>
    public DateTimeOffset? ExpiresAt { get; internal init; }

    /// <summary>The generation that was loaded; null when the workflow was absent.</summary>
    public long? Generation { get; internal init; }

    /// <summary>The version that must be stored still, 0 for an absent workflow; null when any will do.</summary>
    public long? RequiredVersion { get; internal init; }

    /// <summary>How many entries may be stored after a merge; null for any number. A commit that adds none is not refused.</summary>
    public int? MaxEntries { get; internal init; }

    /// <summary>The generation of a workflow that this commit creates: random.</summary>
    public long NewGeneration { get; internal init; }

    /// <summary>Applies the commit to what is stored.</summary>
    /// <param name="stored">What is stored now; null when the workflow is absent or has expired.</param>
    /// <param name="now">The time of the store.</param>
    /// <param name="next">What is to be stored instead; null when the workflow is to be removed. The same as <paramref name="stored"/> when refused.</param>
    /// <returns>What became of the commit, once <paramref name="next"/> is stored.</returns>
    public CommitResult Apply(WorkflowRecord? stored, DateTimeOffset now, out WorkflowRecord? next)
    {
        next = stored;
        if (Refusal(stored) is { } refusal)
        {
            return refusal;
        }

        if (Ends && Stamp is null)
        {
            next = LoadedIsGone(stored) ? stored : null;
            // Not with the generation of others: whoever ended this workflow has nothing of theirs loaded, and must not end it by a second End.
            return CommitResult.Removed;
        }

        WorkflowRecord changed = Changed(Continues(stored) ? stored : null, now);
        if (Continues(stored) && HasTooManyEntries(changed, stored!))
        {
            return CommitResult.TooManyEntries;
        }

        next = changed;
        return CommitResult.Stored(next.Generation, next.Version, next.ExpiresAt);
    }

    private bool LoadedIsGone(WorkflowRecord? stored) => Generation is not null && stored?.Generation != Generation;

    private CommitResult? Refusal(WorkflowRecord? stored) =>
        RequiredVersion is { } version && !LoadedIsGone(stored) && (stored?.Version ?? 0) != version ? CommitResult.Changed
        : LoadedIsGone(stored) && (!Ends || RequiredVersion is not null) ? CommitResult.Ended
        : null;

    /// <summary>Whether the stored workflow goes on; if not, one begins. What others began since is not the workflow that ends here.</summary>
    private bool Continues(WorkflowRecord? stored) => stored is not null && (LoadedIsGone(stored) || !Ends);

    /// <summary>The request has checked what it saw. Others may have added entries since.</summary>
    private bool HasTooManyEntries(WorkflowRecord changed, WorkflowRecord stored) =>
        changed.Table.Count > MaxEntries && changed.Table.Count > stored.Table.Count;

    private WorkflowRecord Changed(WorkflowRecord? continued, DateTimeOffset now)
    {
        DateTimeOffset? deadline = continued is null ? now + AbsoluteTimeout : continued.Deadline;
        return new WorkflowRecord(
            ChangedEntries(continued),
            continued?.Generation ?? NewGeneration,
            (continued?.Version ?? 0) + 1,
            Stamp ?? now,
            deadline,
            WorkflowRecord.Earlier(deadline, now + IdleTimeout)
        );
    }

    private Dictionary<string, WorkflowEntry> ChangedEntries(WorkflowRecord? continued)
    {
        Dictionary<string, WorkflowEntry> entries =
            continued is null || Clears ? new(Sets.Count, StringComparer.Ordinal) : new(continued.Table, StringComparer.Ordinal);
        foreach (string key in Deletes)
        {
            entries.Remove(key);
        }

        foreach ((string key, WorkflowEntry value) in Sets)
        {
            entries[key] = value;
        }

        return entries;
    }
}
