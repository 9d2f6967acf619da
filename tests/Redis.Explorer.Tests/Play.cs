namespace WorkflowSessions.Redis.Explorer;

/// <summary>A schedule that a test directs message by message, where there are too many clients to explore them all.</summary>
internal sealed class Play : IDisposable
{
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(10);

    private readonly SynchronizationContext? _context = SynchronizationContext.Current;
    private readonly Server _server = ExplorerServer.Open();

    public Play(Scenario scenario)
    {
        SynchronizationContext.SetSynchronizationContext(null);
        Network = new Network(_server, scenario);
        if (scenario.Before.Length > 0)
        {
            Network.RunAlone(Network.Add("before", scenario.Before));
        }

        if (scenario.Age > TimeSpan.Zero)
        {
            Network.Pass(scenario.Age);
        }
    }

    public Network Network { get; }

    public ServerConnection Redis => _server.Connection;

    /// <summary>Begins a client, on a node of its own unless another one is named.</summary>
    public Client Begin(string name, string program, Node? node = null)
    {
        Client client = Network.Add(name, program, node);
        _ = client.RunAsync();
        Network.Settle();
        return client;
    }

    /// <summary>Delivers the messages of a client until it has a script to send, or is done.</summary>
    public void RunToScript(Client client)
    {
        while (client.Front is { IsWrite: false })
        {
            Network.Deliver(client);
            Network.Settle();
        }
    }

    /// <summary>Delivers all messages of a client.</summary>
    public void Run(Client client, int atMost = int.MaxValue)
    {
        while (!client.IsDone && atMost-- > 0)
        {
            WaitForMessage(client);
            if (client.Front is not null)
            {
                Network.Deliver(client);
                Network.Settle();
            }
        }
    }

    /// <summary>Delivers all messages of all clients; of those that can go, the last client goes first.</summary>
    public void RunLastFirst(IReadOnlyList<Client> clients)
    {
        while (!clients.All(client => client.IsDone))
        {
            WaitForMessage([.. clients]);
            if (clients.LastOrDefault(client => client.Front is not null) is { } next)
            {
                Network.Deliver(next);
                Network.Settle();
            }
        }
    }

    public void AssertNoViolation() =>
        Assert.That(Network.Checker.Violation, Is.Null, () => string.Join(Environment.NewLine, Network.Trace.TakeLast(40)));

    public void Dispose()
    {
        Network.Close();
        _server.Dispose();
        SynchronizationContext.SetSynchronizationContext(_context);
    }

    // Clients of one node may wait for each other, and go on on another thread.
    private void WaitForMessage(params Client[] clients)
    {
        if (!SpinWait.SpinUntil(CanGoOn, LongestWait))
        {
            throw new ScheduleException("No client has a message on its way.");
        }

        bool CanGoOn()
        {
            Network.Settle();
            return clients.All(client => client.IsDone) || Array.Exists(clients, client => client.Front is not null);
        }
    }
}
