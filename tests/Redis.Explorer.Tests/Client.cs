namespace WorkflowSessions.Redis.Explorer;

/// <summary>A sequence of requests to one node. Its messages reach the server in the order of sending, unless a connection breaks.</summary>
internal sealed class Client
{
    private readonly string[] _requests;
    private readonly Queue<Message> _inFlight = new();

    public Client(string name, Node node, string program)
    {
        Name = name;
        Node = node;
        _requests = program.Split('|', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
    }

    public string Name { get; }

    public Node Node { get; }

    public Network Network => Node.Network;

    public bool HasCrashed { get; private set; }

    public bool IsDone { get; private set; }

    /// <summary>Where the application takes its time; null when it does not.</summary>
    public TaskCompletionSource? Pause { get; private set; }

    public Message? Front
    {
        get
        {
            lock (_inFlight)
            {
                return HasCrashed ? null
                    : _inFlight.TryPeek(out Message? message) ? message
                    : null;
            }
        }
    }

    /// <summary>Whether it has something to do and shows nothing of it: it waits for its turn, or goes on on another thread.</summary>
    public bool IsSilent => !IsDone && !HasCrashed && Front is null && Pause is null;

    public bool HasInFlight(Func<Message, bool> predicate)
    {
        lock (_inFlight)
        {
            return !HasCrashed && _inFlight.Any(predicate);
        }
    }

    public int InFlight
    {
        get
        {
            lock (_inFlight)
            {
                return _inFlight.Count;
            }
        }
    }

    public void Send(Message message)
    {
        lock (_inFlight)
        {
            _inFlight.Enqueue(message);
        }
    }

    public Message Take()
    {
        lock (_inFlight)
        {
            return _inFlight.Dequeue();
        }
    }

    /// <summary>Takes all messages of the connection that breaks.</summary>
    public Message[] TakeAll()
    {
        lock (_inFlight)
        {
            Message[] all = [.. _inFlight];
            _inFlight.Clear();
            return all;
        }
    }

    public Task PauseAsync()
    {
        Pause = new TaskCompletionSource();
        return Pause.Task;
    }

    public void EndPause()
    {
        TaskCompletionSource pause = Pause!;
        Pause = null;
        pause.SetResult();
    }

    public void Crash() => HasCrashed = true;

    /// <summary>Runs until it waits for the first time.</summary>
    public async Task RunAsync()
    {
        int calls = 0;
        foreach (string program in _requests)
        {
            Request request = new(this);
            foreach (string step in program.Split(';', StringSplitOptions.TrimEntries))
            {
                Call call = new(request, step) { Outcome = null };
                Network.Checker.Begin(call);
                if (!await request.RunAsync(call, string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{Name}{++calls}")))
                {
                    break;
                }
            }
        }

        IsDone = true;
    }
}
