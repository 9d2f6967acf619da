namespace WorkflowSessions.AspNetCore.Tests;

/// <summary>What the handler of a <see cref="ResponseProgram"/> did, and which values the store may have after that.</summary>
internal sealed class ResponseTrace(ResponseProgram program, string? before)
{
    private readonly HashSet<string> _committed = [before ?? "none"];
    private bool _hasOpened;
    private bool _hasCommittedFirstByte;

    /// <summary>The value that was set last.</summary>
    public string Last { get; private set; } = before ?? "none";

    /// <summary>What the handler threw.</summary>
    public Exception? Error { get; set; }

    /// <summary>The step whose change the session refused, because the response was under way; null when there was none.</summary>
    public int? RefusedStep { get; set; }

    /// <summary>Whether bytes of the handler, or the headers, have left it.</summary>
    public bool HasReleased { get; private set; }

    /// <summary>Whether the handler has completed the response.</summary>
    public bool HasCompleted { get; private set; }

    /// <summary>How many calls of the store failed.</summary>
    public int Faults { get; set; }

    /// <summary>The values that the store may have.</summary>
    public IReadOnlySet<string> Allowed(bool hasFailed) => hasFailed ? _committed : new HashSet<string> { Last };

    public void OnOpened() => _hasOpened = true;

    public void OnSet(string value) => Last = value;

    public void OnCommitted()
    {
        _committed.Clear();
        _committed.Add(Last);
    }

    /// <summary>Bytes leave the handler now: the first and the last ones commit, unless a layer keeps them back.</summary>
    public void OnReleasing(bool isLast)
    {
        if (Commits(isLast))
        {
            _committed.Add(Last);
        }
    }

    public void OnReleased(bool isLast)
    {
        if (Commits(isLast) && !program.IsCompressedBehind)
        {
            _hasCommittedFirstByte = true;
            OnCommitted();
        }

        HasReleased = true;
        HasCompleted |= isLast;
    }

    private bool Commits(bool isLast) => _hasOpened && (!_hasCommittedFirstByte || isLast) && !program.IsBufferedBehind;
}
