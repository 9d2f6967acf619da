using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text.RegularExpressions;
using StackExchange.Redis;

namespace WorkflowSessions.Redis.Tests;

/// <summary>
/// Requests under load, which know what they must find: what was acknowledged is there, and what was certainly not stored is not. Any other exception
/// than a <see cref="SessionStoreException"/> fails <see cref="StopAsync"/>.
/// </summary>
internal sealed partial class ClusterTraffic : IAsyncDisposable
{
    // Of what a writer wrote only the last that was acknowledged is kept, and what came after it.
    private const int Kept = 20;

    private readonly CancellationTokenSource _end = new();
    private readonly ConcurrentBag<Writer> _writers = [];
    private readonly ConcurrentBag<Task> _work = [];
    private readonly ConcurrentDictionary<string, int> _errors = new(StringComparer.Ordinal);
    private readonly ConcurrentBag<long> _lost = [];
    private int _acknowledged;
    private int _refused;
    private int _unknown;
    private int _contradicted;

    public int Acknowledged => Volatile.Read(ref _acknowledged);

    /// <summary>How many had an error that says that nothing was stored.</summary>
    public int Refused => Volatile.Read(ref _refused);

    /// <summary>How many had an error that leaves it open.</summary>
    public int Unknown => Volatile.Read(ref _unknown);

    /// <summary>How many were stored although the error said that they were certainly not.</summary>
    public int Contradicted => Volatile.Read(ref _contradicted);

    /// <summary>When those began that were acknowledged and are missing.</summary>
    public IReadOnlyCollection<long> Lost => _lost;

    /// <summary>The longest time that a writer of a session had to wait from one acknowledged commit to the next.</summary>
    public TimeSpan LongestGap(Func<string, bool> ofSession) =>
        _writers.Where(writer => ofSession(writer.Session)).Max(writer => Stopwatch.GetElapsedTime(0, writer.LongestGap));

    /// <summary>How many had an error of a kind.</summary>
    public int Errors(string kind) => _errors.GetValueOrDefault(kind);

    public override string ToString() =>
        $"{Acknowledged} acknowledged, {Lost.Count} of them lost, {Refused} certainly not stored, {Unknown} unknown ({string.Join(", ", _errors.OrderBy(error => error.Key, StringComparer.Ordinal).Select(error => $"{error.Key} {error.Value}"))})";

    /// <summary>Begins to set keys of its own in the workflow "checkout" of a session, which others write too.</summary>
    public void Write(Func<string, ISessionStore> open, string session)
    {
        Writer writer = new(session, $"w{_writers.Count}");
        _writers.Add(writer);
        _work.Add(
            Task.Run(async () =>
            {
                await RepeatAsync(() => WriteAsync(open, writer));
                Check(await Reading.ReadAsync(open, writer.Session), writer);
            })
        );
    }

    /// <summary>Begins to count, in the workflow "counter" of a session.</summary>
    public void Count(Func<string, ISessionStore> open, string session) =>
        _work.Add(
            Task.Run(async () =>
            {
                int acknowledged = 0,
                    unknown = 0;
                await RepeatAsync(async () =>
                {
                    bool? stored = await TryAsync(() =>
                        new WorkflowSession(open(session), "counter").UpdateAsync(w => w.Set("n", w.Get("n", 0) + 1))
                    );
                    acknowledged += stored == true ? 1 : 0;
                    unknown += stored is null ? 1 : 0;
                });
                WorkflowSession counter = await Reading.ReadAsync(open, session, "counter");
                int counted = counter.Get("n", 0);
                for (int i = counted; i < acknowledged; i++)
                {
                    _lost.Add(Stopwatch.GetTimestamp());
                }

                Interlocked.Add(ref _contradicted, Math.Max(0, counted - acknowledged - unknown));
            })
        );

    /// <summary>Begins to begin and end workflows of a session.</summary>
    public void Begin(Func<string, ISessionStore> open, string session)
    {
        int next = 0;
        _work.Add(
            Task.Run(() =>
                RepeatAsync(async () =>
                {
                    string id = $"begun{next++}";
                    WorkflowSession workflow = new(open(session), id);
                    bool? begun = await TryAsync(async () =>
                    {
                        await workflow.LoadAsync();
                        workflow.Set("x", 1);
                        await workflow.CommitAsync();
                    });
                    WorkflowSession seen = new(open(session), id);
                    if (begun is null || await TryAsync(() => seen.LoadAsync()) != true)
                    {
                        return;
                    }

                    Expect(seen.Has("x"), begun.Value);
                    if (begun.Value)
                    {
                        seen.End();
                        bool? ended = await TryAsync(() => seen.CommitAsync());
                        if (ended is not null && await TryAsync(() => workflow.LoadAsync()) == true)
                        {
                            Expect(workflow.LastModified is null, ended.Value);
                        }
                    }
                })
            )
        );
    }

    /// <summary>Returns when all writers of a session have had a commit acknowledged that they began after a time.</summary>
    /// <returns>How long that was after it.</returns>
    public async Task<TimeSpan> BackAsync(long since, Func<string, bool> ofSession)
    {
        await UntilAsync(() => _writers.Where(writer => ofSession(writer.Session)).All(writer => writer.Begun > since));
        return Stopwatch.GetElapsedTime(since);
    }

    /// <summary>How many writers of a session have had a commit acknowledged that they began after a time.</summary>
    public int Served(long since, Func<string, bool> ofSession) =>
        _writers.Count(writer => ofSession(writer.Session) && writer.Begun > since);

    /// <summary>Returns when a visitor of a session has a commit acknowledged, of whom one comes every 50 ms.</summary>
    /// <returns>How long that was after a time.</returns>
    public async Task<TimeSpan> ServedAsync(Func<string, ISessionStore> open, string session, long since)
    {
        TaskCompletionSource<TimeSpan> served = new();
        while (!served.Task.IsCompleted && !_end.IsCancellationRequested)
        {
            _work.Add(Task.Run(VisitAsync));
            await Task.WhenAny(served.Task, Task.Delay(50));
        }

        return await served.Task;

        async Task VisitAsync()
        {
            bool? stored = await TryAsync(async () =>
            {
                WorkflowSession workflow = new(open(session), "visit");
                await workflow.LoadAsync();
                workflow.Set("x", 1);
                await workflow.CommitAsync();
            });
            if (stored == true)
            {
                served.TrySetResult(Stopwatch.GetElapsedTime(since));
            }
        }
    }

    /// <summary>Ends it, and looks once more for all that must be there.</summary>
    public async Task StopAsync()
    {
        await _end.CancelAsync();
        await Task.WhenAll(_work);
    }

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        await Task.WhenAny(Task.WhenAll(_work));
        _end.Dispose();
    }

    public static async Task UntilAsync(Func<bool> condition)
    {
        using CancellationTokenSource limit = new(TimeSpan.FromMinutes(3));
        while (!condition())
        {
            await Task.Delay(5, limit.Token);
        }
    }

    [GeneratedRegex(@"\b[A-Z]{4,}\b", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1_000)]
    private static partial Regex ErrorCode();

    private async Task RepeatAsync(Func<Task> request)
    {
        while (!_end.IsCancellationRequested)
        {
            await request();
        }
    }

    private async Task WriteAsync(Func<string, ISessionStore> open, Writer writer)
    {
        int number = writer.Log.Count;
        long begun = Stopwatch.GetTimestamp();
        bool? stored = await TryAsync(async () =>
        {
            WorkflowSession workflow = new(open(writer.Session), "checkout");
            await workflow.LoadAsync();
            Check(workflow, writer);
            workflow.Set(writer.Key(number), number);
            for (int i = writer.Deleted; i < writer.First; i++)
            {
                workflow.Delete(writer.Key(i));
            }

            await workflow.CommitAsync();
        });
        writer.Log.Add(stored is { } certain ? (certain, begun) : null);
        if (stored == true)
        {
            writer.Acknowledge(begun);
        }
    }

    /// <summary>Compares the workflow of a writer with what the writer was told.</summary>
    private void Check(WorkflowSession workflow, Writer writer)
    {
        for (int i = writer.First; i < writer.Log.Count; i++)
        {
            if (writer.Log[i] is { } told)
            {
                bool there = workflow.Get(writer.Key(i), -1) == i;
                Expect(there, told.Stored, told.At);
                writer.Log[i] = there == told.Stored ? told : null;
            }
        }
    }

    private void Expect(bool there, bool stored, long at = long.MaxValue)
    {
        if (stored && !there)
        {
            _lost.Add(at);
        }
        else if (!stored && there)
        {
            Interlocked.Increment(ref _contradicted);
        }
    }

    /// <summary>Whether a request was acknowledged, and null when nobody knows.</summary>
    private async Task<bool?> TryAsync(Func<ValueTask> request)
    {
        try
        {
            await request();
            Interlocked.Increment(ref _acknowledged);
            return true;
        }
        catch (SessionStoreException error)
        {
            Interlocked.Increment(ref error.MayBeStored ? ref _unknown : ref _refused);
            string kind = error.InnerException is RedisServerException answer
                ? ErrorCode().Match(answer.Message).Value
                : error.InnerException?.GetType().Name ?? "";
            _errors.AddOrUpdate(kind, 1, (_, count) => count + 1);
            // As a visitor would not try again at once.
            await Task.Delay(5);
            return error.MayBeStored ? null : false;
        }
    }

    private sealed class Writer(string session, string name)
    {
        private long _begun;
        private long _acknowledged = Stopwatch.GetTimestamp();

        public string Session => session;

        /// <summary>What each commit was told, and when it began; null when it is unknown, or is settled.</summary>
        public List<(bool Stored, long At)?> Log { get; } = [];

        /// <summary>The first commit that is kept.</summary>
        public int First { get; private set; }

        /// <summary>The first commit that may not have been deleted.</summary>
        public int Deleted { get; private set; }

        /// <summary>When the last commit began that was acknowledged.</summary>
        public long Begun => Volatile.Read(ref _begun);

        public long LongestGap { get; private set; }

        public string Key(int number) => $"{name}.{number}";

        public void Acknowledge(long begun)
        {
            long now = Stopwatch.GetTimestamp();
            LongestGap = Math.Max(LongestGap, now - _acknowledged);
            _acknowledged = now;
            Volatile.Write(ref _begun, begun);
            Deleted = First;
            for (int kept = Log.Skip(First).Count(told => told?.Stored == true); kept > Kept; First++)
            {
                kept -= Log[First]?.Stored == true ? 1 : 0;
            }
        }
    }
}
