namespace WorkflowSessions.Interleavings;

/// <summary>A store in memory with a limit, and the requests of a scenario. Each of them checks that the limit holds.</summary>
internal sealed class StoreOfScenario(int limit)
{
    private readonly ManualClock _clock = new();
    private InMemorySessionStoreFactory? _factory;

    public InMemorySessionStoreFactory Factory =>
        _factory ??= new InMemorySessionStoreFactory(new InMemorySessionStoreOptions { TimeProvider = _clock, MaxSessions = limit });

    /// <summary>Lets the idle timeout of all that is stored pass.</summary>
    public void ExpireAll() => _clock.Advance(TimeSpan.FromMinutes(21));

    /// <summary>Sets a key of a workflow in a request of its own, which must not fail.</summary>
    public void Set(string session, string workflow, string key = "x")
    {
        WorkflowSession request = Open(session, workflow);
        request.Set(key, 1);
        Commit(request);
    }

    /// <returns>False when the store refused because it is full: then nothing is stored.</returns>
    public bool TrySet(string session, string workflow)
    {
        try
        {
            Set(session, workflow);
            return true;
        }
        catch (SessionStoreException refusal)
        {
            Check(!refusal.MayBeStored, "a refusal is certain");
            return false;
        }
        finally
        {
            CheckLimit();
        }
    }

    public void EndWorkflow(string session, string workflow)
    {
        WorkflowSession request = Open(session, workflow);
        request.End();
        Commit(request);
    }

    public void EndSession(string session)
    {
        Wait(Factory.Open(session).EndAsync());
        CheckLimit();
    }

    public bool Has(string session, string workflow, string key = "x") => Open(session, workflow).Has(key);

    public WorkflowRecord? Load(string session, string workflow) =>
        Wait(Factory.Open(session).LoadWorkflowAsync(workflow, CancellationToken.None));

    /// <summary>Commits for a request that has loaded a version, and requires that it is still stored.</summary>
    public CommitOutcome CommitAt(WorkflowRecord loaded, string session, string workflow, string key)
    {
        WorkflowCommit commit = new(workflow, new Dictionary<string, WorkflowEntry> { [key] = new("i1"u8.ToArray()) }, [])
        {
            Generation = loaded.Generation,
            RequiredVersion = loaded.Version,
            NewGeneration = loaded.Generation + 1,
            IdleTimeout = TimeSpan.FromMinutes(20),
            Stamp = _clock.GetUtcNow(),
        };
        return Wait(Factory.Open(session).CommitWorkflowAsync(commit, CancellationToken.None)).Outcome;
    }

    /// <summary>What must be so whenever no request is under way: the sessions that are stored are those that are counted, and all of them can expire.</summary>
    public void CheckAtRest(params string[] stored)
    {
        Check(Factory.Sessions.Count == stored.Length, $"{Factory.Sessions.Count} sessions are counted, {stored.Length} are stored");
        Check(Factory.Sessions.Waiting == stored.Length, "every session waits for its expiry");
        ExpireAll();
        Factory.Sessions.FreeExpired(int.MaxValue);
        Check(Factory.Sessions.Count == 0 && Factory.Sessions.Waiting == 0, "expired sessions leave nothing behind");
    }

    public static void Check(bool condition, string what)
    {
        if (!condition)
        {
            throw new InvalidOperationException($"Broken: {what}.");
        }
    }

    private void CheckLimit() => Check(Factory.Sessions.Count <= limit, "the limit is exceeded");

    private WorkflowSession Open(string session, string workflow)
    {
        WorkflowSession request = new(Factory.Open(session), workflow);
        Wait(request.LoadAsync());
        return request;
    }

    private void Commit(WorkflowSession request)
    {
        Wait(request.CommitAsync());
        CheckLimit();
    }

    // The store in memory never waits, so that its tasks are complete.
    private static void Wait(ValueTask task) => task.AsTask().GetAwaiter().GetResult();

    private static T Wait<T>(ValueTask<T> task) => task.AsTask().GetAwaiter().GetResult();

    private sealed class ManualClock : TimeProvider
    {
        private long _ticks = new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero).UtcTicks;

        public void Advance(TimeSpan time) => Interlocked.Add(ref _ticks, time.Ticks);

        public override DateTimeOffset GetUtcNow() => new(Volatile.Read(ref _ticks), TimeSpan.Zero);
    }
}
