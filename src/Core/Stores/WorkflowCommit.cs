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
/// any            claimed by another             is refused (Completing), also with Ends
/// any            completed                      is refused (Completed); with Ends it succeeds, and the receipt goes
/// </code>
/// A claim that has run out hinders nobody: the next commit removes it, and the next claim replaces it. Claim, Finish and Release follow the same rules. Finish and
/// Release are refused (Changed) when the claim is not theirs any more.
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

    /// <summary>What the commit does.</summary>
    public WorkflowCommitKind Kind { get; internal init; }

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

    /// <summary>The claim that is taken, finished or released; null with <see cref="WorkflowCommitKind.Changes"/>.</summary>
    public long? ClaimId { get; internal init; }

    /// <summary>How long a claim is good for, by the time of the store; null unless the commit is one.</summary>
    public TimeSpan? ClaimTimeout { get; internal init; }

    /// <summary>The encoded receipt that completes the workflow; null when it is not to be completed.</summary>
    public WorkflowEntry? Receipt { get; internal init; }

    /// <summary>How long the receipt stays; null for no limit, or when there is none.</summary>
    public TimeSpan? ReceiptTimeout { get; internal init; }

    /// <summary>Applies the commit to what is stored.</summary>
    /// <param name="stored">What is stored now; null when the workflow is absent or has expired.</param>
    /// <param name="now">The time of the store.</param>
    /// <param name="next">What is to be stored instead; null when the workflow is to be removed. The same as <paramref name="stored"/> when refused.</param>
    /// <returns>What became of the commit, once <paramref name="next"/> is stored.</returns>
    public CommitResult Apply(WorkflowRecord? stored, DateTimeOffset now, out WorkflowRecord? next)
    {
        next = stored;
        if (Refusal(stored, now) is { } refusal)
        {
            return refusal;
        }

        if (Ends && Stamp is null)
        {
            next = LoadedIsGone(stored) ? stored : null;
            // Not with the generation of others: whoever ended this workflow has nothing of theirs loaded, and must not end it by a second End.
            return CommitResult.Removed;
        }

        WorkflowRecord? continued = Continues(stored) ? stored : null;
        WorkflowRecord changed = Changed(continued, now);
        if (continued is not null && HasTooManyEntries(changed, continued))
        {
            return CommitResult.TooManyEntries;
        }

        next = changed;
        return CommitResult.Stored(next.Generation, next.Version, next.ExpiresAt);
    }

    private bool LoadedIsGone(WorkflowRecord? stored) => Generation is not null && stored?.Generation != Generation;

    private bool IsClaimedByAnother(WorkflowRecord? stored, DateTimeOffset now) =>
        stored?.Claim is { } claim && claim.EndsAt > now && claim.Id != ClaimId;

    /// <summary>Whether this commit finishes or releases a claim that it does not have any more.</summary>
    private bool HasLostClaim(WorkflowRecord? stored) =>
        Kind is WorkflowCommitKind.Finish or WorkflowCommitKind.Release && stored?.Claim?.Id != ClaimId;

    private CommitResult? Refusal(WorkflowRecord? stored, DateTimeOffset now) =>
        LoadedIsGone(stored) && !MayEndNothing ? CommitResult.Ended
        : LoadedIsGone(stored) && Stamp is null ? null
        : IsClaimedByAnother(stored, now) ? CommitResult.Completing
        : stored?.Receipt is not null && Continues(stored) ? CommitResult.Completed
        : RequiredVersion is { } version && (stored?.Version ?? 0) != version ? CommitResult.Changed
        : HasLostClaim(stored) ? CommitResult.Changed
        : null;

    /// <summary>Whether the commit may find that the workflow to end is gone. Then it must not complete the one that others have begun.</summary>
    private bool MayEndNothing => Ends && RequiredVersion is null && Receipt is null;

    /// <summary>Whether the stored workflow goes on; if not, one begins. What others began since is not the workflow that ends here.</summary>
    private bool Continues(WorkflowRecord? stored) => stored is not null && (LoadedIsGone(stored) || !Ends);

    /// <summary>The request has checked what it saw. Others may have added entries since.</summary>
    private bool HasTooManyEntries(WorkflowRecord changed, WorkflowRecord stored) =>
        changed.Table.Count > MaxEntries && changed.Table.Count > stored.Table.Count;

    private WorkflowRecord Changed(WorkflowRecord? continued, DateTimeOffset now)
    {
        WorkflowClaim? claim = Kind == WorkflowCommitKind.Claim ? new WorkflowClaim(ClaimId!.Value, now + ClaimTimeout!.Value) : null;
        // The time of a receipt counts from the completion, and nothing renews it.
        DateTimeOffset? deadline =
            Receipt is not null ? now + ReceiptTimeout
            : continued is null ? now + AbsoluteTimeout
            : continued.Deadline;
        return new WorkflowRecord(
            ChangedEntries(continued),
            continued?.Generation ?? NewGeneration,
            (continued?.Version ?? 0) + 1,
            Stamp ?? continued?.LastModified ?? now,
            deadline,
            Receipt is not null ? deadline : WorkflowRecord.Expiry(deadline, now + IdleTimeout, claim)
        )
        {
            Claim = claim,
            Receipt = Receipt,
        };
    }

    private Dictionary<string, WorkflowEntry> ChangedEntries(WorkflowRecord? continued)
    {
        if (Receipt is not null)
        {
            return [];
        }

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
