namespace WorkflowSessions.Redis.Explorer;

/// <summary>One commit, as the request asked for it.</summary>
/// <param name="Workflow">The id of the workflow.</param>
/// <param name="Loaded">What the request had loaded of it, or stored itself; null for nothing.</param>
internal sealed record Run(string Workflow, StoredWorkflow? Loaded)
{
    public Dictionary<string, string> Sets { get; } = new(StringComparer.Ordinal);

    public bool Clears { get; init; }

    public bool Ends { get; init; }

    /// <summary>Whether the version that was loaded must be stored still.</summary>
    public bool RequiresVersion { get; init; }

    /// <summary>The number of the delivery that applied it; -1 as long as none did.</summary>
    public int Applied { get; set; } = -1;

    /// <summary>What is stored because of it; null when it ended the workflow.</summary>
    public StoredWorkflow? Result { get; set; }

    /// <summary>Whether the rules refused it as ended when one of its copies was executed.</summary>
    public bool WasEnded { get; set; }

    /// <summary>Whether a copy of it was executed that had nothing to change.</summary>
    public bool HadNothingToDo { get; set; }

    /// <summary>The rules of a commit, as <see cref="WorkflowCommit"/> states them.</summary>
    /// <param name="stored">What is stored.</param>
    /// <param name="next">What is stored after it; its generation is 0 when it is a new one. The same as before when it changes nothing.</param>
    /// <returns>Null when it may be applied; otherwise why it is refused.</returns>
    public Outcome? Apply(StoredWorkflow? stored, out StoredWorkflow? next)
    {
        next = stored;
        bool isGone = Loaded is not null && stored?.Generation != Loaded.Generation;
        if (RequiresVersion && !isGone && (stored?.Version ?? 0) != (Loaded?.Version ?? 0))
        {
            return Outcome.Changed;
        }

        if (isGone && (!Ends || RequiresVersion))
        {
            return Outcome.Ended;
        }

        if (Ends && Sets.Count == 0)
        {
            // Where nothing was loaded there is nothing to end.
            next = isGone || Loaded is null ? stored : null;
            return null;
        }

        StoredWorkflow? basis = Ends && !isGone && Loaded is not null ? null : stored;
        Dictionary<string, string> entries = basis is null || Clears ? [] : new(basis.Entries);
        foreach ((string key, string value) in Sets)
        {
            entries[key] = value;
        }

        next = new StoredWorkflow(basis?.Generation ?? 0, (basis?.Version ?? 0) + 1, entries, stored?.Lifetime ?? TimeSpan.Zero);
        return null;
    }
}
