namespace WorkflowSessions;

/// <summary>What a store can promise. Every flag is false unless the store sets it. Immutable.</summary>
public sealed class SessionStoreCapabilities
{
    /// <summary>Whether a commit is stored whole or not at all, also when others commit at the same time in other processes. <see cref="BufferedSessionStoreOptions.MaxEntries"/> then holds for what is stored.</summary>
    public bool AtomicCommit { get; init; }

    /// <summary>Whether <see cref="WorkflowSession.UpdateAsync(Action{WorkflowSession}, CancellationToken)"/> notices that somebody else committed in between.</summary>
    public bool VersionCheck { get; init; }

    /// <summary>Whether <see cref="ISessionStore.ListAsync"/> works.</summary>
    public bool Listing { get; init; }

    /// <summary>Whether each workflow expires by itself.</summary>
    public bool ExpiryPerWorkflow { get; init; }

    /// <summary>
    /// Whether a workflow can be completed, with a receipt. A <see cref="BufferedSessionStore"/> that promises it keeps <see cref="WorkflowRecord.Claim"/> and
    /// <see cref="WorkflowRecord.Receipt"/>, applies every <see cref="WorkflowCommitKind"/>, and overrides <see cref="BufferedSessionStore.SessionHash"/>.
    /// </summary>
    public bool Completion { get; init; }
}
