using System.Text;

namespace WorkflowSessions.Redis.Explorer;

/// <summary>
/// The network between the clients of one schedule and a real server, and the time. Nothing moves unless the scheduler says so. One thread drives it.
/// </summary>
internal sealed partial class Network
{
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(10);

    // Some time passes with each script, so that no load comes in the same millisecond as the commit before it.
    private static readonly TimeSpan TimePerStep = TimeSpan.FromMilliseconds(10);

    // More than the longest schedule has. One that goes on for ever is a failure.
    private const int MostSteps = 10_000;

    private readonly int _thread = Environment.CurrentManagedThreadId;
    private readonly Server _server;
    private readonly Scenario _scenario;
    private readonly List<Message> _late = [];
    private readonly List<string> _trace = [];
    private TimeSpan _suspended;
    private int _otherThreads;

    public Network(Server server, Scenario scenario)
    {
        _server = server;
        _scenario = scenario;
        Checker = new Checker(this, scenario);
        server.SetTime(Now);
    }

    public DateTimeOffset Start { get; } = new(2030, 1, 1, 0, 0, 0, TimeSpan.Zero);

    public TimeSpan Passed { get; private set; }

    /// <summary>How much of it the stopwatches of nodes have counted.</summary>
    public TimeSpan PassedOnNodes => Passed - _suspended;

    public DateTimeOffset Now => Start + Passed;

    public string SessionId { get; } = Guid.NewGuid().ToString("N");

    /// <summary>What all keys of the session begin with, and the key of the index; null before the first message.</summary>
    public string? Root { get; private set; }

    public ServerScripts Scripts => _server.Scripts;

    public Checker Checker { get; }

    public List<Client> Clients { get; } = [];

    /// <summary>Copies that may still arrive although nobody waits for their answer.</summary>
    public IReadOnlyList<Message> Late => _late;

    /// <summary>How many messages were executed, or times passed, so far.</summary>
    public int Step { get; private set; }

    public IReadOnlyList<string> Trace => _trace;

    public Happenings Happened { get; private set; }

    public Client Add(string name, string program, Node? node = null)
    {
        int index = Clients.Count;
        TimeSpan offset = index < _scenario.ClockOffsets.Length ? _scenario.ClockOffsets[index] : TimeSpan.Zero;
        Client client = new(name, node ?? new Node(this, name, offset, _scenario), program);
        Clients.Add(client);
        return client;
    }

    /// <summary>Runs one client alone, without a fault.</summary>
    public void RunAlone(Client client)
    {
        _ = client.RunAsync();
        Settle();
        while (client.Front is not null || client.Pause is not null)
        {
            if (client.Front is not null)
            {
                Deliver(client);
            }
            else
            {
                client.EndPause();
            }

            Settle();
        }
    }

    public static Task<T> Send<T>(string name, byte[][] words, Func<object?, T> convert, bool isWrite, bool isTrivial)
    {
        Call call = Call.Current ?? throw new ScheduleException($"'{name}' was sent outside a call.");
        Message<T> message = new(call.Client, call, name, words, convert) { IsWrite = isWrite, IsTrivial = isTrivial };
        call.Client.Send(message);
        return message.Task;
    }

    /// <summary>Delivers the next message of a client, and its answer. Reads that were sent together are executed together.</summary>
    public void Deliver(Client client)
    {
        int batch = client.InFlight;
        do
        {
            Message message = client.Take();
            message.Answer(Execute(message, "delivered"));
            if (message.IsWrite)
            {
                return;
            }
        } while (--batch > 0 && client.Front is { IsWrite: false });
    }

    /// <summary>Lets clients do what needs no choice: short pauses end, and messages whose order does not matter are delivered.</summary>
    public void Settle()
    {
        bool again;
        do
        {
            again = false;
            foreach (Client client in Clients)
            {
                while (client.Front is { IsTrivial: true })
                {
                    Deliver(client);
                    again = true;
                }

                again |= !client.HasCrashed && client.Node.Time.EndPauses();
            }

            again |= HasWaited();
        } while (again);
    }

    public void Note(Happenings happened) => Happened |= happened;

    public Observation Look() =>
        Root is null ? Observation.Nothing : Observation.Read(_server.Look(Root, _scenario.Workflows, Now), _scenario, Now);

    public void Say(string text) => _trace.Add(text);

    public void Close()
    {
        if (Root is not null)
        {
            _server.Delete(Root, _scenario.Workflows);
        }

        Scripts.RecallAll();
    }

    private object? Execute(Message message, string how)
    {
        Say($"{message} {how}");
        if (++Step > MostSteps)
        {
            throw new ScheduleException($"The schedule does not end:\n{string.Join('\n', _trace.TakeLast(60))}");
        }

        FindRoot(message);
        if (message.Call is { Started: < 0 } call)
        {
            call.Started = Step;
        }

        if (!message.IsWrite)
        {
            object? read = _server.Connection.Do(message.Words);
            if (message.Name == "load" && read is object?[] hash)
            {
                message.Call!.Request.Read(WorkflowOf(message.Words[1]), StoredWorkflow.Read(hash, lifetime: 0, now: 0));
            }

            return read;
        }

        Passed += TimePerStep;
        (object? answer, object? state) = _server.DoAndLook(message.Words, Root!, _scenario.Workflows, Now);
        FollowTime();
        NoteExecuted(message, answer);
        Checker.Executed(message, Observation.Read(state, _scenario, Now));
        return answer;
    }

    /// <summary>Code of a client begins to run on the current thread.</summary>
    public void Enter()
    {
        if (Environment.CurrentManagedThreadId != _thread)
        {
            Interlocked.Increment(ref _otherThreads);
        }
    }

    public void Leave()
    {
        if (Environment.CurrentManagedThreadId != _thread)
        {
            Interlocked.Decrement(ref _otherThreads);
        }
    }

    // A commit that waits for another one of its node goes on on another thread, when it has its turn.
    private bool HasWaited()
    {
        if (!GoesOn())
        {
            return false;
        }

        return SpinWait.SpinUntil(() => !GoesOn(), LongestWait)
            ? true
            : throw new ScheduleException($"A client neither sends a message nor ends its call:\n{string.Join('\n', _trace.TakeLast(60))}");

        bool GoesOn() => Volatile.Read(ref _otherThreads) > 0 || Clients.Exists(HasTurn);

        bool HasTurn(Client client) =>
            client.IsSilent && !Clients.Exists(other => other.Node == client.Node && other.HasInFlight(message => message.IsCommit));
    }

    // The root of the session, without which no key of it is known, is in all keys.
    private void FindRoot(Message message)
    {
        if (Root is null)
        {
            string command = Encoding.ASCII.GetString(message.Words[0]);
            string key = Encoding.UTF8.GetString(message.Words[command == "EVALSHA" ? 3 : 1]);
            int end = key.IndexOf('}', StringComparison.Ordinal);
            Root = end < 0 ? throw new ScheduleException($"Key '{key}' has no root of a session in braces.") : key[..(end + 1)];
            Checker.Passed(Look());
        }
    }

    public static string WorkflowOf(byte[] keyOfWorkflow)
    {
        string key = Encoding.UTF8.GetString(keyOfWorkflow);
        return key[(key.LastIndexOf(':') + 1)..];
    }
}
