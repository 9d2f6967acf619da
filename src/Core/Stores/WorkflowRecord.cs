namespace WorkflowSessions;

/// <summary>A snapshot: one workflow as it is stored. Immutable and thread-safe: nobody changes its dictionary any more.</summary>
public sealed class WorkflowRecord
{
    /// <summary>Describes what is stored.</summary>
    /// <param name="entries">The keys and their encoded values, compared as ordinals. A <see cref="Dictionary{TKey, TValue}"/> is taken over without a copy, and must not change any more.</param>
    /// <param name="generation">Tells this workflow from one of the same id that began before or after it.</param>
    /// <param name="version">The number of commits in this generation, from 1.</param>
    /// <param name="lastModified">When it was last changed.</param>
    /// <param name="deadline">When it ends at the latest, however often it is used; null for never.</param>
    /// <param name="expiresAt">When it ends unless it is used again; null for never.</param>
    /// <exception cref="ArgumentNullException"><paramref name="entries"/> is null.</exception>
    public WorkflowRecord(
        IReadOnlyDictionary<string, WorkflowEntry> entries,
        long generation,
        long version,
        DateTimeOffset lastModified,
        DateTimeOffset? deadline,
        DateTimeOffset? expiresAt
    )
    {
        ArgumentNullException.ThrowIfNull(entries);
        Table = entries as Dictionary<string, WorkflowEntry> ?? new Dictionary<string, WorkflowEntry>(entries, StringComparer.Ordinal);
        Generation = generation;
        Version = version;
        LastModified = lastModified;
        Deadline = deadline;
        ExpiresAt = expiresAt;
    }

    /// <summary>The keys and their encoded values.</summary>
    public IReadOnlyDictionary<string, WorkflowEntry> Entries => Table;

    /// <summary>The same, to be looked up at no more cost than that.</summary>
    internal Dictionary<string, WorkflowEntry> Table { get; }

    /// <summary>Tells this workflow from one of the same id that began before or after it.</summary>
    public long Generation { get; }

    /// <summary>The number of commits in this generation, from 1.</summary>
    public long Version { get; }

    /// <summary>When it was last changed.</summary>
    public DateTimeOffset LastModified { get; }

    /// <summary>When it ends at the latest, however often it is used; null for never.</summary>
    public DateTimeOffset? Deadline { get; }

    /// <summary>When it ends unless it is used again; null for never.</summary>
    public DateTimeOffset? ExpiresAt { get; }

    /// <summary>The claim of the request that completes the workflow, or one that has run out; null when there is none.</summary>
    public WorkflowClaim? Claim { get; init; }

    /// <summary>The encoded receipt of a completed workflow, which has no entries; null when it is not completed.</summary>
    public WorkflowEntry? Receipt { get; init; }

    /// <summary>The same record, used at a moment: its idle time begins again, its deadline stays. Nothing renews a receipt.</summary>
    /// <param name="now">The moment.</param>
    /// <param name="idleTimeout">The idle time; null for none.</param>
    public WorkflowRecord Renew(DateTimeOffset now, TimeSpan? idleTimeout) =>
        Receipt is not null
            ? this
            : new WorkflowRecord(Entries, Generation, Version, LastModified, Deadline, Expiry(Deadline, now + idleTimeout, Claim))
            {
                Claim = Claim,
            };

    /// <summary>When a workflow ends unless it is used again: not before its claim runs out.</summary>
    internal static DateTimeOffset? Expiry(DateTimeOffset? deadline, DateTimeOffset? idle, WorkflowClaim? claim)
    {
        DateTimeOffset? expiry = Earlier(deadline, idle);
        return claim is not null && expiry < claim.EndsAt ? claim.EndsAt : expiry;
    }

    internal static DateTimeOffset? Earlier(DateTimeOffset? first, DateTimeOffset? second) =>
        first is null || second < first ? second : first;
}
