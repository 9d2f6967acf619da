using WorkflowSessions.Contracts;

namespace WorkflowSessions.AspNetCore.Tests;

/// <summary>
/// Random pipelines and handlers give the client the same response with sessions as without, and store what they promise; where the store fails, no response
/// says otherwise.
/// </summary>
public sealed class ResponseDifferentialTests
{
    private const ulong UsualSeed = 8_874_111_220_479_465_048;
    private const int MaxFailures = 5;

    private readonly StoreOfTest _store = new();
    private ResponseHost _ours = null!;
    private ResponseHost _reference = null!;

    [SetUp]
    public async Task StartAsync()
    {
        ResponsePipeline.FilePath = Path.GetTempFileName();
        await File.WriteAllTextAsync(ResponsePipeline.FilePath, ResponsePipeline.HandlerMarker);
        _ours = await ResponseHost.StartAsync(_store);
        _reference = await ResponseHost.StartAsync(store: null);
    }

    [TearDown]
    public async Task StopAsync()
    {
        await _ours.DisposeAsync();
        await _reference.DisposeAsync();
        File.Delete(ResponsePipeline.FilePath);
    }

    [Test]
    public async Task Response_is_the_same_as_without_sessions_and_never_a_success_when_changes_are_lost()
    {
        // The same programs in each build. WORKFLOWSESSIONS_SEED chooses others, and with the seed of a failure runs that program first.
        ulong seed = RandomInput.Seed(UsualSeed);
        List<string> failures = [];
        for (int number = 0; number < RandomInput.Programs && failures.Count < MaxFailures; number++)
        {
            ResponseProgram program = ResponseProgram.Of(unchecked(seed + (ulong)number));
            if (await ProblemOfAsync(program) is { } problem)
            {
                failures.Add(await DescribeAsync(program, problem));
            }
        }

        Assert.That(failures, Is.Empty, string.Join("\n\n", failures));
    }

    private async Task<string> DescribeAsync(ResponseProgram program, string problem)
    {
        string text = $"{program}\n{problem}";
        (ResponseProgram smallest, string? smaller) = (program, problem);
        while (smaller is not null)
        {
            smaller = null;
            foreach (ResponseProgram candidate in smallest.Smaller())
            {
                smaller = await ProblemOfAsync(candidate);
                if (smaller is not null)
                {
                    (smallest, problem) = (candidate, smaller);
                    break;
                }
            }
        }

        return $"{text}\n\nThe smallest that fails: {smallest}\n{problem}";
    }

    /// <summary>Runs a program with and without sessions; null when all promises are kept.</summary>
    private async Task<string?> ProblemOfAsync(ResponseProgram program)
    {
        _store.Before = _ => Task.CompletedTask;
        _store.Sessions.Clear();
        _store.Calls.Clear();
        _store.Written.Clear();
        string? before = program.HasSession ? "before" : null;
        string? cookie = null;
        if (before is not null)
        {
            cookie = CookieOf(await _ours.UseAsync(cookie: null, workflow => workflow.Set(ResponsePipeline.Key, before)));
        }

        ResponseTrace trace = new(program, before);
        int calls = 0;
        _store.Before = FailIfFaulty;
        ResponseOutcome ours = await _ours.RunAsync(program, trace, cookie: cookie);
        _store.Before = _ => Task.CompletedTask;
        ResponseOutcome reference = await _reference.RunAsync(program, refusedStep: trace.RefusedStep);
        string stored = await StoredAsync();
        string? problem =
            ProblemOfStored(trace, ours, stored)
            ?? (trace.Faults > 0 ? ProblemOfFault(program, trace, ours, stored) : ProblemOfDifference(program, trace, ours, reference))
            ?? await ProblemOfCookieAsync(ours, cookie, stored);
        return problem is null
            ? null
            : $"{problem}\n  stored {stored}, last set {trace.Last}, faults {trace.Faults}, handler {trace.Error?.GetType().Name ?? "ended"}, "
                + $"refused {trace.RefusedStep}\n  ours: {ours}\n  reference: {reference}";

        Task FailIfFaulty(string call)
        {
            bool isOfKind =
                program.Fault != ResponseFault.None && call.StartsWith(program.Fault.ToString(), StringComparison.OrdinalIgnoreCase);
            if (!isOfKind)
            {
                return Task.CompletedTask;
            }

            int number = calls++;
            if (number < program.FaultyCalls.Start.Value || number >= program.FaultyCalls.End.Value)
            {
                return Task.CompletedTask;
            }

            trace.Faults++;
            return Task.FromException(new SessionStoreException("The store is down.", ResponsePipeline.Workflow, mayBeStored: false));
        }
    }

    private static string? ProblemOfStored(ResponseTrace trace, ResponseOutcome ours, string stored)
    {
        bool hasFailed = trace.Error is not null || trace.Faults > 0;
        return trace.Allowed(hasFailed).Contains(stored) || (!hasFailed && !ours.IsComplete)
            ? null
            : $"Stored is {stored}, and not one of {string.Join(", ", trace.Allowed(hasFailed))}.";
    }

    private static string? ProblemOfFault(ResponseProgram program, ResponseTrace trace, ResponseOutcome ours, string stored)
    {
        if (!ours.IsComplete || trace.HasCompleted)
        {
            return null;
        }

        if (ours.Status < 400)
        {
            return "The response is a success, and the store failed.";
        }

        bool isStored = string.Equals(stored, trace.Last, StringComparison.Ordinal);
        return ours.HasHandlerBytes && !isStored && !IsMixedByOthers(program, trace) ? "The failure has bytes of the handler."
            : ours.IsMixed && !program.IsHeld ? "The failure has bytes of several writers."
            : null;
    }

    /// <summary>Whether a layer keeps bytes back that are out of the hands of the session, or did not come to it yet, and an error page adds its own.</summary>
    private static bool IsMixedByOthers(ResponseProgram program, ResponseTrace trace) =>
        program.IsMixedBehind || (trace.HasReleased && program.IsHeldInFront);

    private static string? ProblemOfDifference(
        ResponseProgram program,
        ResponseTrace trace,
        ResponseOutcome ours,
        ResponseOutcome reference
    )
    {
        if (trace.RefusedStep is not null && !trace.HasReleased)
        {
            return "A change was refused, and no byte was sent before.";
        }

        // Of a response that breaks off, the client of the test server sees the status or the exception.
        bool isSame =
            ours.IsComplete == reference.IsComplete
            && (
                !ours.IsComplete
                || (
                    ours.Status == reference.Status
                    && string.Equals(ours.Body, reference.Body, StringComparison.Ordinal)
                    && string.Equals(ours.Headers, reference.Headers, StringComparison.Ordinal)
                )
            );
        if (isSame)
        {
            bool isMixed = ours.HasHandlerBytes && ours.IsMixed && trace.Error is not null;
            return isMixed && !IsMixedByOthers(program, trace) ? "The error page has bytes of the handler." : null;
        }

        if (trace.HasReleased && program.IsHeldInFront)
        {
            // These bytes are out of the hands of the session, which calls the response started. So layers behind it write no error page.
            bool isFailure = ours.IsComplete ? ours.Status >= 400 : trace.Error is not null;
            return isFailure ? null : "The response differs.";
        }

        return reference.IsMixed && !(ours.IsMixed && ours.HasHandlerBytes) ? null : "The response differs.";
    }

    /// <summary>A client that has got a response gets at what was stored.</summary>
    private async Task<string?> ProblemOfCookieAsync(ResponseOutcome ours, string? cookie, string stored)
    {
        if (!ours.IsComplete)
        {
            return null;
        }

        string seen = "";
        _ = await _ours.UseAsync(CookieOf(ours) ?? cookie, workflow => seen = workflow.Get<string>(ResponsePipeline.Key) ?? "none");
        return string.Equals(seen, stored, StringComparison.Ordinal) ? null : $"The client sees {seen}, and not {stored}.";
    }

    private static string? CookieOf(ResponseOutcome outcome) => outcome.SetCookie?.Split(';')[0];

    /// <summary>The value in the store, in whatever session.</summary>
    private async Task<string> StoredAsync()
    {
        string stored = "none";
        foreach (string root in _store.Sessions.Distinct(StringComparer.Ordinal).ToList())
        {
            WorkflowSession workflow = new(_store.Open(root), ResponsePipeline.Workflow);
            await workflow.LoadAsync();
            stored = workflow.Get<string>(ResponsePipeline.Key) ?? stored;
        }

        return stored;
    }
}
