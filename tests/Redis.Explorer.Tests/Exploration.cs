namespace WorkflowSessions.Redis.Explorer;

/// <summary>Runs one schedule of a scenario: each choice picks one of the moves that are possible then.</summary>
internal sealed class Exploration
{
    private readonly Network _network;
    private readonly Scenario _scenario;
    private readonly int _faults;
    private readonly bool _withTimeouts;
    private readonly List<TimeSpan> _passes;
    private readonly List<TimeSpan> _suspensions;
    private readonly List<int> _choices = [];
    private readonly List<int> _counts = [];
    private int _usedFaults;
    private int _listedAt = -1;
    private Message? _lastRead;
    private Message[] _fronts = [];

    private Exploration(Server server, Scenario scenario, int faults, bool withTimeouts)
    {
        _network = new Network(server, scenario);
        _scenario = scenario;
        _faults = faults;
        _withTimeouts = withTimeouts;
        _passes = [.. scenario.Passes];
        _suspensions = [.. scenario.Suspensions];
    }

    /// <summary>Runs one schedule.</summary>
    /// <param name="server">The server.</param>
    /// <param name="scenario">The scenario.</param>
    /// <param name="faults">How many faults may happen.</param>
    /// <param name="withTimeouts">Whether messages may also time out.</param>
    /// <param name="choose">Picks one of a number of moves.</param>
    public static ScheduleResult Run(Server server, Scenario scenario, int faults, bool withTimeouts, Func<int, int> choose)
    {
        // With the context of the test framework, continuations would run on other threads.
        SynchronizationContext? context = SynchronizationContext.Current;
        SynchronizationContext.SetSynchronizationContext(null);
        Exploration exploration = new(server, scenario, faults, withTimeouts);
        try
        {
            return exploration.Run(choose);
        }
        finally
        {
            exploration._network.Close();
            SynchronizationContext.SetSynchronizationContext(context);
        }
    }

    private ScheduleResult Run(Func<int, int> choose)
    {
        bool isRedundant = false;
        Begin();
        bool wasQuiet = false;
        while (_network.Checker.Violation is null)
        {
            _network.Settle();
            if (!wasQuiet && _network.Clients.All(client => client.IsDone || client.HasCrashed))
            {
                wasQuiet = true;
                List();
            }

            List<Action> moves = Moves(out isRedundant);
            if (moves.Count == 0 || _network.Checker.Violation is not null)
            {
                break;
            }

            int choice = choose(moves.Count);
            if (choice >= moves.Count)
            {
                string trace = string.Join(Environment.NewLine, _network.Trace);
                throw new ScheduleException(
                    $"Choice {choice} of {moves.Count}: two runs of a schedule differ.{Environment.NewLine}{trace}"
                );
            }

            _choices.Add(choice);
            _counts.Add(moves.Count);
            moves[choice]();
        }

        if (!isRedundant)
        {
            List();
        }

        return new ScheduleResult([.. _choices], [.. _counts], _network.Checker.Violation, _network.Trace, _network.Happened, isRedundant);
    }

    private void Begin()
    {
        if (_scenario.Before.Length > 0)
        {
            _network.RunAlone(_network.Add("before", _scenario.Before));
            _network.Clients.Clear();
        }

        if (_scenario.Age > TimeSpan.Zero)
        {
            _network.Pass(_scenario.Age);
        }

        for (int i = 0; i < _scenario.Clients.Length; i++)
        {
            Node? shared = _scenario.OneNode && i > 0 ? _network.Clients[0].Node : null;
            _network.Add(((char)('a' + i)).ToString(), _scenario.Clients[i], shared);
        }

        foreach (Client client in _network.Clients)
        {
            _ = client.RunAsync();
        }
    }

    /// <summary>A node that met no fault lists what is there.</summary>
    private void List()
    {
        if (_network.Checker.Violation is null && _network.Step != _listedAt)
        {
            Client observer = _network.Add("observer", "list");
            _network.RunAlone(observer);
            _network.Clients.Remove(observer);
            _network.Checker.Quiet(_network.Checker.LastList);
            _listedAt = _network.Step;
        }
    }

    private List<Action> Moves(out bool isRedundant)
    {
        List<Action> moves = [];
        bool isSkipped = false;
        Message[] fronts = [.. _network.Clients.Select(client => client.Front).OfType<Message>()];
        foreach (Client client in _network.Clients)
        {
            if (client is { Pause: not null, HasCrashed: false })
            {
                moves.Add(() => Note([], null, client.EndPause));
            }

            if (client.Front is not { } front)
            {
                continue;
            }

            // Two reads that follow each other can be swapped: only one order is worth a schedule.
            if (IsRead(front) && _lastRead is { } read && _fronts.Contains(front) && IsBefore(client, read.Client))
            {
                isSkipped = true;
                continue;
            }

            moves.Add(() => Note(fronts, front, () => _network.Deliver(client)));
        }

        foreach (Message late in _network.Late)
        {
            moves.Add(() => Note([], null, () => _network.DeliverLate(late)));
        }

        if (_usedFaults < _faults)
        {
            AddFaults(moves);
        }

        isRedundant = isSkipped && moves.Count == 0;
        return moves;

        static bool IsRead(Message message) => message is { IsWrite: false };

        bool IsBefore(Client one, Client other) => _network.Clients.IndexOf(one) < _network.Clients.IndexOf(other);

        void Note(Message[] known, Message? delivered, Action move)
        {
            _fronts = known;
            _lastRead = delivered is not null && IsRead(delivered) ? delivered : null;
            move();
        }
    }

    private void AddFaults(List<Action> moves)
    {
        foreach (Client client in _network.Clients.Where(client => client.Front is not null))
        {
            if (client.Front is { IsWrite: true })
            {
                Add(() => _network.LoseAnswer(client));
                Add(() => _network.LoseRequest(client));
                Add(() => _network.Delay(client));
                Add(() => _network.Duplicate(client));
                Add(() => _network.Refuse(client));
            }

            Add(() => _network.Crash(client));
            if (_withTimeouts)
            {
                Add(() => _network.TimeOut(client));
            }
        }

        AddTimes(_passes, _network.Pass);
        AddTimes(_suspensions, _network.Suspend);

        void AddTimes(List<TimeSpan> times, Action<TimeSpan> pass)
        {
            foreach (TimeSpan time in times.ToArray())
            {
                Add(() =>
                {
                    times.Remove(time);
                    pass(time);
                });
            }
        }

        void Add(Action fault) =>
            moves.Add(() =>
            {
                _usedFaults++;
                _lastRead = null;
                fault();
            });
    }
}
