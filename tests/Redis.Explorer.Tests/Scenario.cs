using System.Globalization;

namespace WorkflowSessions.Redis.Explorer;

/// <summary>What clients do, and what may happen to their messages.</summary>
/// <param name="Name">A short name.</param>
/// <param name="Clients">
/// The program of each client: requests with <c>|</c> between, steps of one request with <c>;</c> between. The steps: <c>load w</c>, <c>set w</c>,
/// <c>inc w</c> (UpdateAsync), <c>end w</c>, <c>endset w</c>, <c>clearset w</c>, <c>updend w</c> (UpdateAsync with End), <c>endall</c>, <c>list</c>,
/// and <c>pause</c>, where the application takes its time.
/// </param>
internal sealed record Scenario(string Name, params string[] Clients)
{
    /// <summary>What happened before, without a fault.</summary>
    public string Before { get; init; } = "";

    /// <summary>How much time passed between that and the first message.</summary>
    public TimeSpan Age { get; init; }

    public TimeSpan IdleTimeout { get; init; } = TimeSpan.FromMinutes(20);

    /// <summary>How long a workflow stays at the longest; null for no limit.</summary>
    public TimeSpan? AbsoluteTimeout { get; init; }

    /// <summary>Times for which all nodes may be suspended at any moment, each once. It counts as a fault.</summary>
    public TimeSpan[] Suspensions { get; init; } = [];

    /// <summary>Times that may pass at any moment, each once. It counts as a fault.</summary>
    public TimeSpan[] Passes { get; init; } = [];

    /// <summary>How far the clock of each client's node is off; none for the others.</summary>
    public TimeSpan[] ClockOffsets { get; init; } = [];

    public int MaxWorkflows { get; init; } = 100;

    /// <summary>Whether the clients are concurrent requests of one node.</summary>
    public bool OneNode { get; init; }

    public string[] Workflows { get; init; } = ["w"];

    /// <summary>The scenario as an expression.</summary>
    public override string ToString()
    {
        List<string> more = [];
        if (Before.Length > 0)
        {
            more.Add($"Before = \"{Before}\"");
        }

        Add(Age > TimeSpan.Zero, $"Age = {Code(Age)}");
        Add(IdleTimeout != TimeSpan.FromMinutes(20), $"IdleTimeout = {Code(IdleTimeout)}");
        Add(AbsoluteTimeout is not null, $"AbsoluteTimeout = {Code(AbsoluteTimeout ?? TimeSpan.Zero)}");
        Add(Suspensions.Length > 0, $"Suspensions = [{string.Join(", ", Suspensions.Select(Code))}]");
        Add(Passes.Length > 0, $"Passes = [{string.Join(", ", Passes.Select(Code))}]");
        Add(ClockOffsets.Length > 0, $"ClockOffsets = [{string.Join(", ", ClockOffsets.Select(Code))}]");
        Add(OneNode, "OneNode = true");
        Add(Workflows is not ["w"], $"Workflows = [{string.Join(", ", Workflows.Select(id => $"\"{id}\""))}]");
        string clients = string.Join(", ", Clients.Select(client => $"\"{client}\""));
        return $"new Scenario(\"{Name}\", {clients}){(more.Count > 0 ? $" {{ {string.Join(", ", more)} }}" : "")}";

        void Add(bool isNeeded, string property)
        {
            if (isNeeded)
            {
                more.Add(property);
            }
        }

        static string Code(TimeSpan time) => string.Create(CultureInfo.InvariantCulture, $"TimeSpan.FromSeconds({time.TotalSeconds:0})");
    }
}
