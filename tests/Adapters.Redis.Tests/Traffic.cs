using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using StackExchange.Redis;

namespace WorkflowSessions.Redis.Tests;

/// <summary>
/// Writers under load, and a log of what became of each of their commits. Each begins workflows of its own, with two entries in one commit, and in turn counts
/// in a workflow that all share. At the end the log is compared with what is stored.
/// </summary>
internal sealed class Traffic : IAsyncDisposable
{
    private const int Writers = 8;
    private const string Counter = "counter";
    private const string Workflow = "checkout";

    private readonly ISessionStoreFactory _sessions;
    private readonly CancellationTokenSource _end = new();
    private readonly Task[] _writers;

    // When each writer began what was acknowledged last.
    private readonly long[] _begun = new long[Writers];

    // When each writer began what failed last.
    private readonly long[] _failed = new long[Writers];

    private Traffic(ISessionStoreFactory sessions)
    {
        _sessions = sessions;
        _writers = [.. Enumerable.Range(0, Writers).Select(writer => Task.Run(() => WriteAsync(writer)))];
    }

    public ConcurrentQueue<Attempt> Acknowledged { get; } = [];

    /// <summary>What is certainly not stored.</summary>
    public ConcurrentQueue<Attempt> Refused { get; } = [];

    /// <summary>What may be stored.</summary>
    public ConcurrentQueue<Attempt> Unknown { get; } = [];

    /// <summary>Starts the writers, and returns when there is load.</summary>
    public static async Task<Traffic> StartAsync(ISessionStoreFactory sessions)
    {
        Traffic traffic = new(sessions);
        await traffic.UntilAsync(() => traffic.Acknowledged.Count > 200);
        return traffic;
    }

    /// <summary>Waits for a condition, which is asked every 5 ms. The limit only ends a test that hangs.</summary>
    public async Task UntilAsync(Func<bool> condition)
    {
        using CancellationTokenSource limit = new(TimeSpan.FromMinutes(3));
        while (!condition())
        {
            if (_writers.FirstOrDefault(writer => writer.IsFaulted) is { } failed)
            {
                await failed;
            }

            await Task.Delay(5, limit.Token);
        }
    }

    /// <summary>Waits until so many more commits are acknowledged.</summary>
    public Task MoreAsync(int commits)
    {
        int before = Acknowledged.Count;
        return UntilAsync(() => Acknowledged.Count > before + commits);
    }

    /// <summary>How long it takes from now until every writer has begun a commit that is acknowledged.</summary>
    public async Task<TimeSpan> BackAsync()
    {
        long now = Stopwatch.GetTimestamp();
        await UntilAsync(() => Enumerable.Range(0, Writers).All(writer => Volatile.Read(ref _begun[writer]) > now));
        return Stopwatch.GetElapsedTime(now);
    }

    /// <summary>Waits until every writer has begun a commit from now on that failed: all that it began before is in the log.</summary>
    public Task FailedAsync()
    {
        long now = Stopwatch.GetTimestamp();
        return UntilAsync(() => Enumerable.Range(0, Writers).All(writer => Volatile.Read(ref _failed[writer]) > now));
    }

    /// <summary>
    /// Ends the writers, prints what was seen, and compares it with what is stored: every acknowledged commit is there, nothing is there of those that are certainly
    /// not stored, none is there by half, and of the counts no acknowledged one is missing and none is there that was not asked for.
    /// </summary>
    /// <param name="verdict">What to print first.</param>
    /// <param name="mayBeLost">The acknowledged commits that the server may lose; null for none.</param>
    /// <returns>The acknowledged commits that are missing.</returns>
    public async Task<IReadOnlyCollection<Attempt>> EndAsync(string verdict, Func<Attempt, bool>? mayBeLost = null)
    {
        await _end.CancelAsync();
        await Task.WhenAll(_writers);

        ConcurrentQueue<Attempt> missing = [];
        int half = 0,
            other = 0,
            notRefused = 0,
            found = 0;
        await EachAsync(
            Acknowledged,
            (attempt, stored) =>
            {
                if (stored is null)
                {
                    missing.Enqueue(attempt);
                }
            }
        );
        await EachAsync(Refused, (_, stored) => Interlocked.Add(ref notRefused, stored is null ? 0 : 1));
        await EachAsync(Unknown, (_, stored) => Interlocked.Add(ref found, stored is null ? 0 : 1));
        WorkflowSession counter = await Reading.ReadAsync(_sessions.Open, Counter, Workflow);
        int counted = counter.Get("n", 0);
        int acknowledged = Acknowledged.Count(attempt => attempt.Counts);
        int most = acknowledged + Unknown.Count(attempt => attempt.Counts);

        await TestContext.Out.WriteLineAsync(
            $"{verdict} {Acknowledged.Count} acknowledged, {missing.Count} of them lost; {Refused.Count} certainly not stored{Reasons(Refused)}; "
                + $"{Unknown.Count} unknown, {found} of them stored{Reasons(Unknown)}; {counted} counted of {acknowledged} to {most}."
        );
        using (Assert.EnterMultipleScope())
        {
            Assert.That(missing.Count(attempt => mayBeLost?.Invoke(attempt) != true), Is.Zero, "Acknowledged commits are missing.");
            Assert.That(notRefused, Is.Zero, "What was certainly not stored is there.");
            Assert.That(half, Is.Zero, "Commits are there by half.");
            Assert.That(other, Is.Zero, "Commits are there with other values.");
            Assert.That(counted, Is.InRange(mayBeLost is null ? acknowledged : 0, most), "Counts are missing, or were made twice.");
        }

        return missing;

        Task EachAsync(IEnumerable<Attempt> attempts, Action<Attempt, int?> see) =>
            Parallel.ForEachAsync(
                attempts.Where(attempt => !attempt.Counts),
                new ParallelOptions { MaxDegreeOfParallelism = 32 },
                async (attempt, _) =>
                {
                    WorkflowSession workflow = await Reading.ReadAsync(_sessions.Open, attempt.Session, Workflow);
                    int? stored = workflow.TryGet("a", out int a) ? a : null;
                    Interlocked.Add(ref half, workflow.Count is 0 or 2 ? 0 : 1);
                    Interlocked.Add(ref other, stored is null || (a == attempt.Value && workflow.Get("b", -1) == a) ? 0 : 1);
                    see(attempt, stored);
                }
            );
    }

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        // What failed was seen by the test, or failed after it.
        await Task.WhenAll(_writers).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _end.Dispose();
    }

    private async Task WriteAsync(int writer)
    {
        for (int i = 0; !_end.IsCancellationRequested; i++)
        {
            await TryAsync(
                writer,
                string.Create(CultureInfo.InvariantCulture, $"writer{writer}-{i}"),
                i,
                async workflow =>
                {
                    await workflow.LoadAsync();
                    workflow.Set("a", i);
                    workflow.Set("b", i);
                    await workflow.CommitAsync();
                }
            );
            await TryAsync(writer, Counter, i, workflow => workflow.UpdateAsync(w => w.Set("n", w.Get("n", 0) + 1)));
        }
    }

    private async Task TryAsync(int writer, string session, int value, Func<WorkflowSession, ValueTask> write)
    {
        long begun = Stopwatch.GetTimestamp();
        try
        {
            await write(new WorkflowSession(_sessions.Open(session), Workflow));
            Acknowledged.Enqueue(new Attempt(session, value, begun, Stopwatch.GetTimestamp(), Error: null));
            Volatile.Write(ref _begun[writer], begun);
        }
        catch (WorkflowSessionException error)
        {
            Attempt attempt = new(session, value, begun, Stopwatch.GetTimestamp(), error);
            (error is SessionStoreException { MayBeStored: true } ? Unknown : Refused).Enqueue(attempt);
            Volatile.Write(ref _failed[writer], begun);
            // As a user would, not as fast as the machine can.
            await Task.Delay(10);
        }
    }

    private static string Reasons(IEnumerable<Attempt> attempts)
    {
        IEnumerable<string> reasons = attempts
            .GroupBy(attempt => attempt.Reason, StringComparer.Ordinal)
            .OrderByDescending(group => group.Count())
            .Select(group => $"{group.Key} {group.Count()}");
        return attempts.Any() ? $" ({string.Join(", ", reasons)})" : "";
    }

    /// <summary>One commit, and what became of it.</summary>
    internal sealed record Attempt(string Session, int Value, long Begun, long Ended, WorkflowSessionException? Error)
    {
        public TimeSpan Took => Stopwatch.GetElapsedTime(Begun, Ended);

        public bool Counts => Session == Counter;

        /// <summary>What the server answered, or else what failed.</summary>
        public string Reason =>
            Error switch
            {
                WorkflowConflictException conflict => conflict.Reason.ToString(),
                { InnerException: RedisServerException answer } => answer.Message.Split(' ')[0],
                { InnerException: RedisConnectionException connection } => connection.FailureType.ToString(),
                { InnerException: { } inner } => inner.GetType().Name,
                _ => "none",
            };
    }
}
