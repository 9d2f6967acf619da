namespace WorkflowSessions;

/// <summary>What became of a commit, and what is stored now. Immutable.</summary>
public sealed class CommitResult
{
    private CommitResult(CommitOutcome outcome, long? generation = null, long version = 0, DateTimeOffset? expiresAt = null)
    {
        Outcome = outcome;
        Generation = generation;
        Version = version;
        ExpiresAt = expiresAt;
    }

    /// <summary>The commit was refused: the workflow that was loaded has ended or expired.</summary>
    public static CommitResult Ended { get; } = new(CommitOutcome.Ended);

    /// <summary>The commit was refused: the version is not the one that it asked for.</summary>
    public static CommitResult Changed { get; } = new(CommitOutcome.Changed);

    /// <summary>The commit was refused: with the entries that others have added, it would store more than <see cref="WorkflowCommit.MaxEntries"/>.</summary>
    public static CommitResult TooManyEntries { get; } = new(CommitOutcome.TooManyEntries);

    /// <summary>The commit was refused: the workflow is completed, and has its receipt.</summary>
    public static CommitResult Completed { get; } = new(CommitOutcome.Completed);

    /// <summary>The commit was refused: another request is completing the workflow.</summary>
    public static CommitResult Completing { get; } = new(CommitOutcome.Completing);

    /// <summary>The commit is stored, and the workflow is over.</summary>
    public static CommitResult Removed { get; } = new(CommitOutcome.Stored);

    /// <summary>What became of the commit.</summary>
    public CommitOutcome Outcome { get; }

    /// <summary>The generation that is stored now; null when there is none.</summary>
    public long? Generation { get; }

    /// <summary>The version that is stored now; 0 when there is none.</summary>
    public long Version { get; }

    /// <summary>When the workflow ends unless it is used again; null for never.</summary>
    public DateTimeOffset? ExpiresAt { get; }

    /// <summary>The commit is stored.</summary>
    /// <param name="generation">The generation that is stored now.</param>
    /// <param name="version">The version that is stored now.</param>
    /// <param name="expiresAt">When the workflow ends unless it is used again; null for never.</param>
    public static CommitResult Stored(long generation, long version, DateTimeOffset? expiresAt) =>
        new(CommitOutcome.Stored, generation, version, expiresAt);
}
