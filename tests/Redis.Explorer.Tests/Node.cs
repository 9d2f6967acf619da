namespace WorkflowSessions.Redis.Explorer;

/// <summary>One process that uses the store: its clock and its factory.</summary>
internal sealed class Node
{
    public Node(Network network, string name, TimeSpan clockOffset, Scenario scenario)
    {
        Network = network;
        Name = name;
        Time = new SimulatedTime(network.Start, clockOffset, () => Call.Current?.Client.Advance());
        Time.Follow(network.PassedOnNodes);
        Sessions = new RedisSessionStoreFactory(
            SimulatedConnection.Of(this),
            new RedisSessionStoreOptions
            {
                TimeProvider = Time,
                Stopwatch = Time,
                IdleTimeout = scenario.IdleTimeout,
                UpdateTimeout = TimeSpan.FromDays(1),
                MaxWorkflows = scenario.MaxWorkflows,
            }
        );
    }

    public Network Network { get; }

    public string Name { get; }

    public SimulatedTime Time { get; }

    public ISessionStoreFactory Sessions { get; }
}
