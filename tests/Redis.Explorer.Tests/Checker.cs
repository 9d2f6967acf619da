using System.Globalization;

namespace WorkflowSessions.Redis.Explorer;

/// <summary>
/// Compares, at each step of a schedule, what is stored with what the rules allow, and with what callers were told. It keeps the first violation.
/// </summary>
internal sealed class Checker(Network network, Scenario scenario)
{
    // A commit renews when a tenth of the idle timeout is over. The rest is for time that passes while the test runs.
    private const double ShortestLifetime = 0.88;

    // Times are cut to milliseconds.
    private static readonly TimeSpan Tolerance = TimeSpan.FromMilliseconds(20);

    private readonly List<(int Step, Observation State)> _history = [(0, Observation.Nothing)];

    // When each generation of a workflow was seen first.
    private readonly Dictionary<(string Workflow, long Generation), (int Step, DateTimeOffset Time)> _begun = [];

    public List<Call> Calls { get; } = [];

    public string? Violation { get; private set; }

    /// <summary>What the last list named.</summary>
    public HashSet<string> LastList { get; private set; } = [];

    private Observation Latest => _history[^1].State;

    public void Begin(Call call) => Calls.Add(call);

    /// <summary>A script was executed.</summary>
    public void Executed(Message message, Observation after)
    {
        foreach (string workflow in scenario.Workflows)
        {
            Compare(message, workflow, Latest.Of(workflow), after.Of(workflow));
            Require(
                Latest.Of(workflow) is null || after.Of(workflow) is not null || !after.Indexed.Contains(workflow, StringComparer.Ordinal),
                $"{message} ended workflow '{workflow}', and the index still names it."
            );
        }

        if (message.IsRenewal)
        {
            CompareRenewal(message, after);
        }

        Record(after);
        Run? run = RunOf(message);
        if (run is { Applied: >= 0 } && run.Applied == network.Step && after.Of(run.Workflow) is { } stored)
        {
            Require(
                stored.Lifetime >= ShortestLifetime * LongestLifetime(run.Workflow, stored),
                $"{message.Call} is stored, but the workflow expires in {stored.Lifetime}."
            );
        }
    }

    /// <summary>Time has passed.</summary>
    public void Passed(Observation after)
    {
        if (scenario.Workflows.Any(workflow => Latest.Of(workflow) is not null && after.Of(workflow) is null))
        {
            network.Note(Happenings.Expiry);
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

        // A node whose stopwatch stood still, or whose pauses are long beside the idle timeout, can be wrong about what is left.
        if (
            scenario.Suspensions.Length == 0
            && scenario.IdleTimeout >= TimeSpan.FromMinutes(1)
            && workflow.LastModified is not null
            && Latest.Of(workflow.Id) is { } stored
            && stored.Lifetime < ShortestLifetime * LongestLifetime(workflow.Id, stored)
        )
        {
            Require(
                call.Client.HasInFlight(message => message.IsRenewal),
                $"{call} does not renew workflow '{workflow.Id}', which expires in {stored.Lifetime}."
            );
        }
    }

    /// <summary>A list names what was there all the time, and nothing that was not there at any time.</summary>
    public void Listed(Call call, HashSet<string> named)
    {
        if (call.Client.Name != "observer")
        {
            network.Note(Happenings.List);
        }

        LastList = named;
        List<Observation> states = [.. Since(call.Started)];
        foreach (string workflow in scenario.Workflows)
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
        call.Ended = network.Step;
        network.Say($"{call} was told: {call.Outcome}");
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
        foreach (string workflow in scenario.Workflows)
        {
            bool isLive = Latest.Of(workflow)?.Entries.Count > 0;
            Require(
                isLive == named.Contains(workflow),
                $"When all is quiet, a list {(isLive ? "lacks" : "names")} workflow '{workflow}', which is {(isLive ? "" : "not ")}there."
            );
            Require(
                Latest.Of(workflow) is not { } live || Latest.IndexLifetime >= live.Lifetime - TimeSpan.FromSeconds(1),
                $"When all is quiet, the index expires in {Latest.IndexLifetime}, before workflow '{workflow}'."
            );
        }
    }

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
            int end = message.Call!.IsWaiting ? network.Step : message.Call.Ended;
            Require(!mayEnd || _begun[(workflow, before!.Generation)].Step <= end, $"{change}, which began after the end of the session.");
            message.Call.EndedWorkflows = true;
            network.Note(Happenings.EndOfSession);
            RequireRefusedIsNotStored(message.Call);
            return;
        }

        Require(run.Applied < 0, $"{change}: it is applied a second time.");
        Require(refusal is null && run.Workflow == workflow, $"{change}; the rules refuse it: {refusal}.");
        Require(IsNext(workflow, next, after), $"{change}, and not to [{next}].");
        run.Applied = network.Step;
        run.Result = after;
        RequireRefusedIsNotStored(message.Call!);
    }

    /// <summary>A renewal begins the idle timeout anew, of the generation that was loaded and of no other.</summary>
    private void CompareRenewal(Message message, Observation after)
    {
        string workflow = Network.WorkflowOf(message.RenewedKey);
        if (Latest.Of(workflow) is { } before && after.Of(workflow) is { } renewed)
        {
            bool isLoaded = before.Generation.ToString(CultureInfo.InvariantCulture) == message.RenewedGeneration;
            Require(
                !isLoaded || renewed.Lifetime >= ShortestLifetime * LongestLifetime(workflow, renewed),
                $"{message} was executed, but workflow '{workflow}' expires in {renewed.Lifetime}."
            );
            Require(
                isLoaded || renewed.Lifetime <= before.Lifetime,
                $"{message} renewed workflow '{workflow}' in a generation that it had not loaded."
            );
        }
    }

    private TimeSpan LongestLifetime(string workflow, StoredWorkflow stored)
    {
        DateTimeOffset begun = _begun.TryGetValue((workflow, stored.Generation), out var first) ? first.Time : network.Now;
        TimeSpan untilDeadline = begun + scenario.AbsoluteTimeout - network.Now ?? TimeSpan.MaxValue;
        return untilDeadline < scenario.IdleTimeout ? untilDeadline : scenario.IdleTimeout;
    }

    private bool IsNext(string workflow, StoredWorkflow? next, StoredWorkflow? after) =>
        next is null ? after is null
        : next.Generation > 0 ? next.IsSame(after)
        : after is not null
            && !_begun.ContainsKey((workflow, after.Generation))
            && (next with { Generation = after.Generation }).IsSame(after);

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
        foreach (string workflow in scenario.Workflows)
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
        _history.Add((network.Step, state));
        foreach ((string workflow, StoredWorkflow? stored) in state.Workflows)
        {
            if (stored is not null)
            {
                _begun.TryAdd((workflow, stored.Generation), (network.Step, network.Now));
                Require(
                    stored.Lifetime <= LongestLifetime(workflow, stored) + Tolerance,
                    $"Workflow '{workflow}' lives for {stored.Lifetime}, longer than its timeouts allow."
                );
            }
        }

        Require(state.Eternal.Length == 0, $"A key has no time to live: {string.Join(", ", state.Eternal)}.");
    }

    private static Run? RunOf(Message message) => message.IsCommit ? message.Call!.Runs[message.Run] : null;

    private void Require(bool condition, string violation) =>
        Violation ??= condition ? null : string.Create(CultureInfo.InvariantCulture, $"Step {network.Step}: {violation}");
}
