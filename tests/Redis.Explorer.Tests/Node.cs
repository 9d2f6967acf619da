namespace WorkflowSessions.Redis.Explorer;

/// <summary>One process that uses the store: its clock and its factory.</summary>
internal sealed class Node
{
    public Node(Network network, string name, TimeSpan clockOffset, Scenario scenario)
    {
        Network = network;
        Name = name;
        ClockOffset = clockOffset;
        Time = new SimulatedTime(network.Start, clockOffset);
        Time.Follow(network.PassedOnNodes);
        Sessions = new RedisSessionStoreFactory(
            SimulatedConnection.Of(this),
            new RedisSessionStoreOptions
            {
                TimeProvider = Time,
                Stopwatch = Time,
                IdleTimeout = scenario.IdleTimeout,
                AbsoluteTimeout = scenario.AbsoluteTimeout,
                UpdateTimeout = TimeSpan.FromDays(1),
                MaxWorkflows = scenario.MaxWorkflows,
            }
        );
    }

    public Network Network { get; }

    public string Name { get; }

    /// <summary>How far its clock is ahead of the server's.</summary>
    public TimeSpan ClockOffset { get; }

    public SimulatedTime Time { get; }

    public ISessionStoreFactory Sessions { get; }
}
