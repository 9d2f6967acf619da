using System.Text;

namespace WorkflowSessions.Redis.Explorer;

/// <summary>What is stored of a session at one moment.</summary>
/// <param name="Workflows">The workflows that are live; null for those that are not.</param>
/// <param name="Indexed">The members of the index.</param>
/// <param name="IndexLifetime">How long the index lives; negative when there is none.</param>
/// <param name="Eternal">The keys that have no time to live.</param>
internal sealed record Observation(
    Dictionary<string, StoredWorkflow?> Workflows,
    string[] Indexed,
    TimeSpan IndexLifetime,
    string[] Eternal
)
{
    private const long NoExpiry = -1;

    public static Observation Nothing { get; } = new([], [], TimeSpan.Zero, []);

    public static Observation Read(object? state, Scenario scenario, DateTimeOffset now)
    {
        object?[] items = state as object?[] ?? throw new ScheduleException($"The server did not tell what is stored: {state}");
        Dictionary<string, StoredWorkflow?> workflows = new(StringComparer.Ordinal);
        List<string> eternal = [];
        if ((long)items[0]! == NoExpiry)
        {
            eternal.Add("the index");
        }

        for (int i = 0; i < scenario.Workflows.Length; i++)
        {
            string id = scenario.Workflows[i];
            long lifetime = (long)items[3 + (2 * i)]!;
            workflows[id] = StoredWorkflow.Read((object?[])items[2 + (2 * i)]!, lifetime, now.ToUnixTimeMilliseconds());
            if (lifetime == NoExpiry)
            {
                eternal.Add($"workflow '{id}'");
            }
        }

        string[] indexed = [.. ((object?[])items[1]!).Select(member => Encoding.UTF8.GetString((byte[])member!))];
        return new Observation(workflows, indexed, TimeSpan.FromMilliseconds((long)items[0]!), [.. eternal]);
    }

    public StoredWorkflow? Of(string workflow) => Workflows.GetValueOrDefault(workflow);
}
