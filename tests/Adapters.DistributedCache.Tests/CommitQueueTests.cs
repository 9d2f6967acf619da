using System.Threading.Channels;

namespace WorkflowSessions.DistributedCache.Tests;

/// <summary>Commits of one workflow wait for each other. Each one's timeout counts from its own call, on the clock of the test.</summary>
public sealed class CommitQueueTests
{
    private static readonly TimeSpan Timeout = TimeSpan.FromMilliseconds(300);

    // Ends a test that would hang. No assertion depends on it.
    private static readonly TimeSpan Guard = TimeSpan.FromSeconds(30);

    private CacheOfTest _cache = null!;

    [TestCase("set", 1)]
    [TestCase("get", 0)]
    public async Task Commits_that_wait_for_a_cache_that_hangs_all_fail_when_the_timeout_is_over(string hanging, int mayBeStored)
    {
        await using CacheHarness harness = await StoredAsync();
        WorkflowSession[] requests = await ChangedAsync(harness, 20);
        Hang hang = HangIn(hanging);
        DateTimeOffset begun = harness.Clock.GetUtcNow();
        Task<SessionStoreException>[] failures = [.. requests.Select(FailureAsync)];
        await hang.ReachedAsync(1);
        harness.Clock.Advance(Timeout - TimeSpan.FromMilliseconds(1));
        Assert.That(failures.Any(failure => failure.IsCompleted), Is.False);
        harness.Clock.Advance(TimeSpan.FromMilliseconds(1));
        SessionStoreException[] errors = await Task.WhenAll(failures).WaitAsync(Guard);
        Assert.That(harness.Clock.GetUtcNow() - begun, Is.EqualTo(Timeout));
        Assert.That(errors.Count(error => error.MayBeStored), Is.EqualTo(mayBeStored));
        Assert.That(errors.Select(error => error.InnerException), Is.All.InstanceOf<TimeoutException>());
        Assert.That(errors.Select(error => error.Message), Is.All.Contains("'checkout'"));
        Assert.That(hang.Calls, Is.EqualTo(1), "the others were never sent");
    }

    [Test]
    public async Task Each_timeout_counts_from_the_call_of_its_own_commit()
    {
        await using CacheHarness harness = await StoredAsync();
        WorkflowSession[] requests = await ChangedAsync(harness, 3);
        Hang hang = HangIn("set");
        Task<SessionStoreException> first = FailureAsync(requests[0]);
        Task<SessionStoreException> sameTime = FailureAsync(requests[1]);
        await hang.ReachedAsync(1);
        harness.Clock.Advance(TimeSpan.FromMilliseconds(100));
        Task<SessionStoreException> later = FailureAsync(requests[2]);
        harness.Clock.Advance(TimeSpan.FromMilliseconds(200));
        Assert.That((await first.WaitAsync(Guard)).MayBeStored, Is.True);
        Assert.That((await sameTime.WaitAsync(Guard)).MayBeStored, Is.False);
        await hang.ReachedAsync(2);
        Assert.That(later.IsCompleted, Is.False, "it has 100 ms left");
        harness.Clock.Advance(TimeSpan.FromMilliseconds(100));
        Assert.That((await later.WaitAsync(Guard)).MayBeStored, Is.True);
    }

    [Test]
    public async Task Commit_waits_no_longer_than_its_own_timeout_for_one_that_has_a_longer_timeout()
    {
        await using CacheHarness harness = await StoredAsync();
        DistributedCacheSessionStoreOptions patient = new()
        {
            TimeProvider = harness.Clock,
            KeyPrefix = harness.Prefix,
            CommandTimeout = TimeSpan.FromMinutes(1),
        };
        WorkflowSession first = new(new DistributedCacheSessionStoreFactory(harness.Cache, patient).Open("alice"), "checkout");
        await first.LoadAsync();
        first.Set("first", 1);
        WorkflowSession second = (await ChangedAsync(harness, 1))[0];
        Hang hang = HangIn("set");
        Task commit = first.CommitAsync().AsTask();
        await hang.ReachedAsync(1);
        Task<SessionStoreException> failure = FailureAsync(second);
        harness.Clock.Advance(Timeout);
        Assert.That((await failure.WaitAsync(Guard)).MayBeStored, Is.False);
        Assert.That(commit.IsCompleted, Is.False);
        hang.Release();
        await commit.WaitAsync(Guard);
    }

    [Test]
    public async Task Read_and_write_of_a_commit_share_one_timeout()
    {
        await using CacheHarness harness = await StoredAsync();
        WorkflowSession request = (await ChangedAsync(harness, 1))[0];
        Hang read = HangIn("get");
        Task<SessionStoreException> failure = FailureAsync(request);
        await read.ReachedAsync(1);
        harness.Clock.Advance(TimeSpan.FromMilliseconds(200));
        Hang write = HangIn("set");
        read.Release();
        await write.ReachedAsync(1);
        harness.Clock.Advance(TimeSpan.FromMilliseconds(100));
        Assert.That((await failure.WaitAsync(Guard)).MayBeStored, Is.True);
    }

    [Test]
    public async Task Commit_whose_timeout_is_over_before_its_write_is_certainly_not_stored()
    {
        await using CacheHarness harness = await StoredAsync();
        WorkflowSession request = (await ChangedAsync(harness, 1))[0];
        Hang write = HangIn("set");
        _cache.Give = bytes =>
        {
            harness.Clock.Advance(Timeout);
            return bytes;
        };
        SessionStoreException error = await FailureAsync(request).WaitAsync(Guard);
        Assert.That(error.MayBeStored, Is.False);
        Assert.That(write.Calls, Is.Zero);
    }

    [Test]
    public async Task Commits_that_get_their_turn_in_time_are_all_stored_and_merged()
    {
        await using CacheHarness harness = await StoredAsync();
        WorkflowSession[] requests = await ChangedAsync(harness, 20);
        Hang hang = HangIn("set");
        Task[] commits = [.. requests.Select(request => request.CommitAsync().AsTask())];
        await hang.ReachedAsync(1);
        harness.Clock.Advance(Timeout - TimeSpan.FromMilliseconds(1));
        hang.Release();
        await Task.WhenAll(commits).WaitAsync(Guard);
        WorkflowSession stored = await OpenAsync(harness);
        Assert.That(Enumerable.Range(0, 20).Select(i => stored.Get($"k{i}", -1)), Is.EqualTo(Enumerable.Range(0, 20)));
    }

    [Test]
    public async Task Commit_that_is_cancelled_while_it_waits_stores_nothing_and_holds_up_nobody()
    {
        await using CacheHarness harness = await StoredAsync();
        WorkflowSession[] requests = await ChangedAsync(harness, 3);
        Hang hang = HangIn("set");
        Task first = requests[0].CommitAsync().AsTask();
        await hang.ReachedAsync(1);
        using CancellationTokenSource source = new();
        Task cancelled = requests[1].CommitAsync(source.Token).AsTask();
        Task last = requests[2].CommitAsync().AsTask();
        await source.CancelAsync();
        OperationCanceledException? error = await Assert.ThrowsAsync<OperationCanceledException>(async () =>
            await cancelled.WaitAsync(Guard)
        );
        Assert.That(error!.CancellationToken, Is.EqualTo(source.Token));
        hang.Release();
        await Task.WhenAll(first, last).WaitAsync(Guard);
        WorkflowSession stored = await OpenAsync(harness);
        Assert.That(new[] { stored.Has("k0"), stored.Has("k1"), stored.Has("k2") }, Is.EqualTo(new[] { true, false, true }));
        await requests[1].CommitAsync();
        Assert.That((await OpenAsync(harness)).Has("k1"), Is.True, "the change is still there to commit");
    }

    [Test]
    public async Task Workflow_that_hangs_holds_up_no_other_workflow()
    {
        await using CacheHarness harness = await StoredAsync();
        WorkflowSession request = (await ChangedAsync(harness, 1))[0];
        Hang hang = HangIn("set");
        Task hanging = request.CommitAsync().AsTask();
        await hang.ReachedAsync(1);
        _cache.Before = _ => Task.CompletedTask;
        // More of them than any fixed number of locks could keep apart.
        Task[] others =
        [
            .. Enumerable
                .Range(0, 2_000)
                .Select(async i =>
                {
                    WorkflowSession other = new(harness.Open($"session{i}"), "checkout");
                    await other.LoadAsync();
                    other.Set("x", i);
                    await other.CommitAsync();
                }),
        ];
        await Task.WhenAll(others).WaitAsync(Guard);
        Assert.That(hanging.IsCompleted, Is.False);
        hang.Release();
        await hanging.WaitAsync(Guard);
    }

    [Test]
    public async Task End_of_a_session_that_does_not_get_its_turn_in_time_has_certainly_not_ended_it()
    {
        await using CacheHarness harness = await StoredAsync();
        Hang hang = HangIn("set");
        Task<SessionStoreException> begin = FailureAsync(async () =>
            await Session(harness).Secret.BeginAsync(new byte[16], CancellationToken.None)
        );
        await hang.ReachedAsync(1);
        Task<SessionStoreException> end = FailureAsync(async () => await Session(harness).EndAsync());
        harness.Clock.Advance(Timeout);
        Assert.That((await begin.WaitAsync(Guard)).MayBeStored, Is.True);
        Assert.That((await end.WaitAsync(Guard)).MayBeStored, Is.False);
    }

    [Test]
    public async Task End_of_a_session_may_have_ended_it_when_a_workflow_of_it_does_not_get_its_turn_in_time()
    {
        await using CacheHarness harness = await StoredAsync();
        WorkflowSession request = (await ChangedAsync(harness, 1))[0];
        Hang hang = HangIn("set");
        Task<SessionStoreException> commit = FailureAsync(request);
        await hang.ReachedAsync(1);
        BufferedSessionStore session = Session(harness);
        _ = session.Open("checkout");
        Task<SessionStoreException> end = FailureAsync(async () => await session.EndAsync());
        harness.Clock.Advance(Timeout);
        Assert.That((await commit.WaitAsync(Guard)).MayBeStored, Is.True);
        Assert.That((await end.WaitAsync(Guard)).MayBeStored, Is.True);
    }

    [Test]
    public async Task End_of_a_session_with_many_workflows_takes_no_longer_than_its_timeout()
    {
        await using CacheHarness harness = await StoredAsync();
        BufferedSessionStore session = Session(harness);
        foreach (int i in Enumerable.Range(0, 20))
        {
            _ = session.Open($"w{i}");
        }

        Hang hang = HangIn("remove");
        Task end = session.EndAsync().AsTask();
        await hang.ReachedAsync(1);
        Assert.That(hang.Calls, Is.EqualTo(1), "the secret of the session ends first");
        harness.Clock.Advance(Timeout / 2);
        hang.Release();
        Hang rest = HangIn("remove");
        await rest.ReachedAsync(20);
        rest.Release();
        await end.WaitAsync(Guard);
    }

    [Test]
    public async Task End_of_a_session_is_cancelled_before_it_is_sent_or_not_at_all()
    {
        await using CacheHarness harness = await StoredAsync();
        Hang hang = HangIn("set");
        Task begin = Session(harness).Secret.BeginAsync(new byte[16], CancellationToken.None).AsTask();
        await hang.ReachedAsync(1);
        using CancellationTokenSource early = new();
        Task cancelled = Session(harness).EndAsync(early.Token).AsTask();
        await early.CancelAsync();
        Assert.That(async () => await cancelled.WaitAsync(Guard), Throws.InstanceOf<OperationCanceledException>());
        hang.Release();
        await begin.WaitAsync(Guard);
        hang = HangIn("remove");
        BufferedSessionStore session = Session(harness);
        _ = session.Open("checkout");
        using CancellationTokenSource late = new();
        Task end = session.EndAsync(late.Token).AsTask();
        await hang.ReachedAsync(1);
        await late.CancelAsync();
        hang.Release();
        await end.WaitAsync(Guard);
        _cache.Before = _ => Task.CompletedTask;
        Assert.That((await OpenAsync(harness)).Count, Is.Zero);
    }

    [Test]
    public async Task End_of_a_session_that_the_cache_cancels_by_itself_may_have_ended_it()
    {
        await using CacheHarness harness = await StoredAsync();
        _cache.Before = call => call == "remove" ? Task.FromException(new TaskCanceledException()) : Task.CompletedTask;
        SessionStoreException error = await FailureAsync(async () => await Session(harness).EndAsync());
        Assert.That(error.MayBeStored, Is.True);
    }

    [Test]
    public async Task Queue_of_a_workflow_is_gone_when_nobody_writes()
    {
        await using CacheHarness harness = await StoredAsync();
        WorkflowSession[] requests = await ChangedAsync(harness, 3);
        Hang hang = HangIn("set");
        using CancellationTokenSource source = new();
        Task[] commits = [FailureAsync(requests[0]), FailureAsync(requests[1]), requests[2].CommitAsync(source.Token).AsTask()];
        await hang.ReachedAsync(1);
        Assert.That(WorkflowTurn.Writers(harness.Key("checkout")), Is.EqualTo(3));
        await source.CancelAsync();
        harness.Clock.Advance(Timeout);
        Assert.That(async () => await Task.WhenAll(commits).WaitAsync(Guard), Throws.InstanceOf<OperationCanceledException>());
        Assert.That(WorkflowTurn.Writers(harness.Key("checkout")), Is.Zero);
    }

    private static BufferedSessionStore Session(CacheHarness harness) => (BufferedSessionStore)harness.Open("alice");

    private static async Task<WorkflowSession> OpenAsync(CacheHarness harness)
    {
        WorkflowSession workflow = new(harness.Open("alice"), "checkout");
        await workflow.LoadAsync().AsTask().WaitAsync(Guard);
        return workflow;
    }

    /// <summary>Requests that have loaded the workflow "checkout" and set a key each, which is not committed.</summary>
    private static async Task<WorkflowSession[]> ChangedAsync(CacheHarness harness, int count)
    {
        List<WorkflowSession> requests = [];
        for (int i = 0; i < count; i++)
        {
            WorkflowSession request = await OpenAsync(harness);
            request.Set($"k{i}", i);
            requests.Add(request);
        }

        return [.. requests];
    }

    private static Task<SessionStoreException> FailureAsync(WorkflowSession request) =>
        FailureAsync(async () => await request.CommitAsync());

    private static async Task<SessionStoreException> FailureAsync(Func<Task> operation)
    {
        try
        {
            await operation();
        }
        catch (SessionStoreException error)
        {
            return error;
        }

        throw new InvalidOperationException("It was to fail, and has not.");
    }

    private async Task<CacheHarness> StoredAsync()
    {
        CacheHarness harness = new(inner => _cache = new CacheOfTest(inner), options => options.CommandTimeout = Timeout);
        WorkflowSession workflow = await OpenAsync(harness);
        workflow.Set("x", 1);
        await workflow.CommitAsync();
        return harness;
    }

    /// <summary>Lets the calls of one kind hang until they are released. Others go through.</summary>
    private Hang HangIn(string call)
    {
        Hang hang = new();
        _cache.Before = made => made == call ? hang.EnterAsync() : Task.CompletedTask;
        return hang;
    }

    private sealed class Hang
    {
        private readonly TaskCompletionSource _released = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly Channel<int> _reached = Channel.CreateUnbounded<int>();
        private int _awaited;
        private int _calls;

        public int Calls => Volatile.Read(ref _calls);

        public Task EnterAsync()
        {
            _ = _reached.Writer.TryWrite(Interlocked.Increment(ref _calls));
            return _released.Task;
        }

        /// <summary>Waits until a number of calls hang.</summary>
        public async Task ReachedAsync(int calls)
        {
            for (; _awaited < calls; _awaited++)
            {
                _ = await _reached.Reader.ReadAsync().AsTask().WaitAsync(Guard);
            }
        }

        public void Release() => _released.SetResult();
    }
}
