namespace WorkflowSessions.Redis.Explorer;

/// <summary>One call of a client to the library, and what it was told.</summary>
internal sealed class Call(Request request, string step)
{
    // Tells also when a thread begins and ends to run code of a call.
    private static readonly AsyncLocal<Call?> CurrentCall = new(change =>
    {
        if (change.ThreadContextChanged)
        {
            change.PreviousValue?.Client.Network.Leave();
            change.CurrentValue?.Client.Network.Enter();
        }
    });

    /// <summary>The call that the running code belongs to, on whatever thread it runs.</summary>
    public static Call? Current
    {
        get => CurrentCall.Value;
        set => CurrentCall.Value = value;
    }

    public Request Request => request;

    public Client Client => request.Client;

    public string Step => step;

    /// <summary>What it was told; null while it waits, and for ever when its node crashed.</summary>
    public Outcome? Outcome { get; set; }

    public string? Error { get; set; }

    /// <summary>Whether a message of it met a fault, or time passed meanwhile, so that it may fail.</summary>
    public bool MetFault { get; set; }

    /// <summary>The number of its first delivery; -1 before.</summary>
    public int Started { get; set; } = -1;

    public int Ended { get; set; } = -1;

    /// <summary>Its commits: one, or more where a conflict made an update run again.</summary>
    public List<Run> Runs { get; } = [];

    /// <summary>Whether an end of the session ended something.</summary>
    public bool EndedWorkflows { get; set; }

    public bool IsWaiting => Outcome is null;

    public override string ToString() => $"'{step}' of {Client.Name}";
}
