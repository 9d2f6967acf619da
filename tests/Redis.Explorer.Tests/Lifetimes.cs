using System.Globalization;

namespace WorkflowSessions.Redis.Explorer;

/// <summary>Checks how long workflows and the index live, and keeps when each generation of a workflow was seen first.</summary>
internal sealed class Lifetimes(Network network, Scenario scenario, Checker checker)
{
    // A commit or a load renews when a tenth of the idle timeout is over. The rest is for time that passes while the test runs.
    private const double Shortest = 0.88;

    // Times are cut to milliseconds.
    private static readonly TimeSpan Tolerance = TimeSpan.FromMilliseconds(20);

    // Pauses of a node are long beside a shorter idle timeout, and its estimate of what is left is as wrong as they are long.
    private static readonly TimeSpan ShortIdleTimeout = TimeSpan.FromMinutes(1);

    private readonly Dictionary<(string Workflow, long Generation), (int Step, DateTimeOffset Time)> _begun = [];

    public bool IsKnown(string workflow, StoredWorkflow stored) => _begun.ContainsKey((workflow, stored.Generation));

    /// <summary>The step at which the generation was seen first.</summary>
    public int BeganAt(string workflow, StoredWorkflow stored) => _begun[(workflow, stored.Generation)].Step;

    public void Observed(Observation state)
    {
        foreach ((string workflow, StoredWorkflow? stored) in state.Workflows)
        {
            if (stored is not null)
            {
                _begun.TryAdd((workflow, stored.Generation), (network.Step, network.Now));
                checker.Require(
                    stored.Lifetime <= Longest(workflow, stored) + Tolerance,
                    $"Workflow '{workflow}' lives for {stored.Lifetime}, longer than its timeouts allow."
                );
            }
        }
    }

    public void Committed(Message message, string workflow, Observation after) =>
        checker.Require(
            after.Of(workflow) is not { } stored || stored.Lifetime >= Shortest * Longest(workflow, stored),
            $"{message.Call} is stored, but the workflow expires in {after.Of(workflow)?.Lifetime}."
        );

    /// <summary>A load sends a renewal when one is due, unless its node was suspended, and can't know it.</summary>
    public void Loaded(Call call, string workflow, Observation state)
    {
        bool isSure = scenario.Suspensions.Length == 0 && scenario.IdleTimeout >= ShortIdleTimeout;
        if (isSure && state.Of(workflow) is { } stored && stored.Lifetime < Shortest * Longest(workflow, stored))
        {
            checker.Require(
                call.Client.HasInFlight(message => message.IsRenewal),
                $"{call} does not renew workflow '{workflow}', which expires in {stored.Lifetime}."
            );
        }
    }

    /// <summary>A renewal begins the idle timeout anew, of the generation that was loaded and of no other.</summary>
    public void Renewed(Message message, Observation state, Observation after)
    {
        string workflow = Network.WorkflowOf(message.RenewedKey);
        if (state.Of(workflow) is { } before && after.Of(workflow) is { } renewed)
        {
            bool isLoaded = before.Generation.ToString(CultureInfo.InvariantCulture) == message.RenewedGeneration;
            checker.Require(
                !isLoaded || renewed.Lifetime >= Shortest * Longest(workflow, renewed),
                $"{message} was executed, but workflow '{workflow}' expires in {renewed.Lifetime}."
            );
            checker.Require(
                isLoaded || renewed.Lifetime <= before.Lifetime,
                $"{message} renewed workflow '{workflow}' in a generation that it had not loaded."
            );
        }
    }

    /// <summary>The index lives as long as the longest of its workflows.</summary>
    public void Quiet(Observation state)
    {
        foreach ((string workflow, StoredWorkflow? stored) in state.Workflows)
        {
            checker.Require(
                stored is null || state.IndexLifetime >= stored.Lifetime - TimeSpan.FromSeconds(1),
                $"When all is quiet, the index expires in {state.IndexLifetime}, before workflow '{workflow}'."
            );
        }
    }

    private TimeSpan Longest(string workflow, StoredWorkflow stored)
    {
        DateTimeOffset begun = _begun.TryGetValue((workflow, stored.Generation), out var first) ? first.Time : network.Now;
        TimeSpan untilDeadline = begun + scenario.AbsoluteTimeout - network.Now ?? TimeSpan.MaxValue;
        return untilDeadline < scenario.IdleTimeout ? untilDeadline : scenario.IdleTimeout;
    }
}
