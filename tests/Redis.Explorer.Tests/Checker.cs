using System.Globalization;

namespace WorkflowSessions.Redis.Explorer;

/// <summary>
/// Compares, at each step of a schedule, what is stored with what the rules allow, and with what callers were told. It keeps the first violation.
/// </summary>
internal sealed class Checker
{
    private readonly Network _network;
    private readonly Scenario _scenario;
    private readonly Lifetimes _lifetimes;
    private readonly List<(int Step, Observation State)> _history = [(0, Observation.Nothing)];

    public Checker(Network network, Scenario scenario)
    {
        _network = network;
        _scenario = scenario;
        _lifetimes = new Lifetimes(network, scenario, this);
    }

    public List<Call> Calls { get; } = [];

    public string? Violation { get; private set; }

    /// <summary>What the last list named.</summary>
    public HashSet<string> LastList { get; private set; } = [];

    private Observation Latest => _history[^1].State;

    public void Begin(Call call) => Calls.Add(call);

    /// <summary>A script was executed.</summary>
    public void Executed(Message message, Observation after)
    {
        foreach (string workflow in _scenario.Workflows)
        {
            Compare(message, workflow, Latest.Of(workflow), after.Of(workflow));
            Require(
                Latest.Of(workflow) is null || after.Of(workflow) is not null || !after.Indexed.Contains(workflow, StringComparer.Ordinal),
                $"{message} ended workflow '{workflow}', and the index still names it."
            );
        }

        if (message.IsRenewal)
        {
            _lifetimes.Renewed(message, Latest, after);
        }

        Record(after);
        if (RunOf(message) is { Applied: >= 0 } run && run.Applied == _network.Step)
        {
            _lifetimes.Committed(message, run.Workflow, after);
        }
    }

    /// <summary>Time has passed.</summary>
    public void Passed(Observation after)
    {
        if (_scenario.Workflows.Any(workflow => Latest.Of(workflow) is not null && after.Of(workflow) is null))
        {
            _network.Note(Happenings.Expiry);
        }

        Record(after);
    }

    public void Loaded(Call call, WorkflowSession workflow, StoredWorkflow? read)
    {
        if (workflow.LastModified is not null)
        {
            Dictionary<string, string> entries = workflow.GetAll().ToDictionary(entry => entry.Key, entry => (string)entry.Value!);
            Require(read is not null && read.IsSame(read with { Entries = entries }), $"{call} does not read what is stored: {read}.");
        }

        if (workflow.LastModified is not null)
        {
            _lifetimes.Loaded(call, workflow.Id, Latest);
        }
    }

    /// <summary>A list names what was there all the time, and nothing that was not there at any time.</summary>
    public void Listed(Call call, HashSet<string> named)
    {
        if (call.Client.Name != "observer")
        {
            _network.Note(Happenings.List);
        }

        LastList = named;
        List<Observation> states = [.. Since(call.Started)];
        foreach (string workflow in _scenario.Workflows)
        {
            bool[] live = [.. states.Select(state => state.Of(workflow)?.Entries.Count > 0)];
            Require(live.Contains(value: true) || !named.Contains(workflow), $"{call} names workflow '{workflow}', which is not there.");
            Require(
                live.Contains(value: false) || named.Contains(workflow),
                $"{call} does not name workflow '{workflow}', which is there."
            );
        }
    }

    /// <summary>A caller was told something.</summary>
    public void End(Call call)
    {
        call.Ended = _network.Step;
        _network.Say($"{call} was told: {call.Outcome}");
        Require(call.Outcome != Outcome.Unexpected, $"{call} was told: {call.Error}");
        Require(
            call.MetFault || call.Outcome is not (Outcome.NotStored or Outcome.MayBeStored),
            $"{call} met no fault, and failed all the same: {call.Error}"
        );
        if (call is { Outcome: Outcome.Acknowledged, Step: "endall", Started: > 0 })
        {
            RequireEnded(call);
        }

        RequireRefusedIsNotStored(call);
        if (call.Runs is not [.., var last])
        {
            return;
        }

        bool hasNothingToDo = last.Ends && last.Sets.Count == 0 && (last.Loaded is null || last.HadNothingToDo);
        Require(
            call.Outcome != Outcome.Acknowledged || last.Applied >= 0 || hasNothingToDo,
            $"{call} was acknowledged, and is not stored."
        );
        Require(
            call.Outcome != Outcome.Ended || last.WasEnded || last.Applied >= 0,
            $"{call} was refused as ended, and the workflow was there."
        );
    }

    /// <summary>No client waits any more. Late copies may still arrive.</summary>
    public void Quiet(HashSet<string> named)
    {
        _lifetimes.Quiet(Latest);
        foreach (string workflow in _scenario.Workflows)
        {
            bool isLive = Latest.Of(workflow)?.Entries.Count > 0;
            Require(
                isLive == named.Contains(workflow),
                $"When all is quiet, a list {(isLive ? "lacks" : "names")} workflow '{workflow}', which is {(isLive ? "" : "not ")}there."
            );
        }
    }

    /// <summary>Notes a violation, unless there is one already.</summary>
    public void Require(bool condition, string violation) =>
        Violation ??= condition ? null : string.Create(CultureInfo.InvariantCulture, $"Step {_network.Step}: {violation}");

    private void Compare(Message message, string workflow, StoredWorkflow? before, StoredWorkflow? after)
    {
        Run? run = RunOf(message);
        StoredWorkflow? next = before;
        Outcome? refusal = run is not null && run.Workflow == workflow ? run.Apply(before, out next) : null;
        if (run is not null && run.Workflow == workflow && run.Applied < 0)
        {
            run.WasEnded |= refusal == Outcome.Ended;
            run.HadNothingToDo |= refusal is null && StoredWorkflow.AreSame(before, next);
        }

        if (StoredWorkflow.AreSame(before, after))
        {
            return;
        }

        string change = $"{message} changed workflow '{workflow}' from [{before}] to [{after}]";
        if (run is null)
        {
            // Reads and renewals change nothing; an end of the session ends what had begun before its caller was told.
            bool mayEnd = message.Call?.Step == "endall" && before is not null && after is null;
            Require(mayEnd, $"{change}.");
            int end = message.Call!.IsWaiting ? _network.Step : message.Call.Ended;
            Require(!mayEnd || _lifetimes.BeganAt(workflow, before!) <= end, $"{change}, which began after the end of the session.");
            message.Call.EndedWorkflows = true;
            _network.Note(Happenings.EndOfSession);
            RequireRefusedIsNotStored(message.Call);
            return;
        }

        Require(run.Applied < 0, $"{change}: it is applied a second time.");
        Require(refusal is null && run.Workflow == workflow, $"{change}; the rules refuse it: {refusal}.");
        Require(IsNext(workflow, next, after), $"{change}, and not to [{next}].");
        run.Applied = _network.Step;
        run.Result = after;
        RequireRefusedIsNotStored(message.Call!);
    }

    private bool IsNext(string workflow, StoredWorkflow? next, StoredWorkflow? after) =>
        next is null ? after is null
        : next.Generation > 0 ? next.IsSame(after)
        : after is not null && !_lifetimes.IsKnown(workflow, after) && (next with { Generation = after.Generation }).IsSame(after);

    private void RequireRefusedIsNotStored(Call call)
    {
        bool isRefused = call.Outcome is Outcome.Changed or Outcome.Ended or Outcome.NotStored;
        Require(!isRefused || !call.Runs.Exists(run => run.Applied >= 0), $"{call} was told {call.Outcome}, and is stored.");
        Require(!isRefused || !call.EndedWorkflows, $"{call} was told {call.Outcome}, and ended workflows.");
        // An update that ran again was refused before.
        Require(call.Runs.SkipLast(1).All(run => run.Applied < 0), $"{call} ran again, and a run that was refused is stored.");
    }

    private void RequireEnded(Call call)
    {
        Observation before = Since(call.Started).First();
        foreach (string workflow in _scenario.Workflows)
        {
            long? generation = before.Of(workflow)?.Generation;
            Require(
                generation is null || Latest.Of(workflow)?.Generation != generation,
                $"{call} was acknowledged, and workflow '{workflow}' is still there."
            );
        }
    }

    /// <summary>All states from just before a step on.</summary>
    private IEnumerable<Observation> Since(int step)
    {
        int first = _history.FindLastIndex(entry => entry.Step < step);
        return _history.Skip(first).Select(entry => entry.State);
    }

    private void Record(Observation state)
    {
        _history.Add((_network.Step, state));
        _lifetimes.Observed(state);
        Require(state.Eternal.Length == 0, $"A key has no time to live: {string.Join(", ", state.Eternal)}.");
    }

    private static Run? RunOf(Message message) => message.IsCommit ? message.Call!.Runs[message.Run] : null;
}
