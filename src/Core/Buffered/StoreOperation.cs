using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Runtime.InteropServices;
using System.Text;

namespace WorkflowSessions;

/// <summary>One load or commit under way, as it is measured and traced. A value, so that a load that nobody looks at costs no allocation for it.</summary>
[StructLayout(LayoutKind.Auto)]
internal struct StoreOperation
{
    public const string Cancelled = "cancelled";
    private const string Failed = "failed";
    private const string OutcomeTag = "outcome";

    // The default boundaries are made for milliseconds: with seconds nearly all would be in the first bucket.
    private static readonly InstrumentAdvice<double> Seconds = new()
    {
        HistogramBucketBoundaries = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    };

    private static readonly Histogram<double> LoadDuration = CreateDuration("workflowsessions.load.duration");
    private static readonly Histogram<double> CommitDuration = CreateDuration("workflowsessions.commit.duration");
    private static readonly Histogram<long> CommitBytes = WorkflowSessionsDiagnostics.Meter.CreateHistogram<long>(
        "workflowsessions.commit.bytes",
        "By"
    );

    private readonly Histogram<double> _duration;
    private readonly string _store;
    private readonly TimeProvider _clock;
    private readonly Activity? _activity;
    private readonly long _start;

    private StoreOperation(string name, Histogram<double> duration, string store, TimeProvider clock)
    {
        _duration = duration;
        _store = store;
        _clock = clock;
        _activity = WorkflowSessionsDiagnostics.Source.StartActivity(name, ActivityKind.Client);
        _start = clock.GetTimestamp();
    }

    /// <summary>What became of it; failed until something else is known.</summary>
    public string Outcome { get; set; } = Failed;

    public static StoreOperation Load(string store, TimeProvider clock) => new("WorkflowSessions load", LoadDuration, store, clock);

    public static StoreOperation Commit(string store, TimeProvider clock, WorkflowCommit commit)
    {
        if (CommitBytes.Enabled)
        {
            long bytes =
                commit.Sets.Sum(entry => Encoding.UTF8.GetByteCount(entry.Key) + (long)entry.Value.Encoded.Length)
                + (commit.Receipt?.Encoded.Length ?? 0);
            CommitBytes.Record(bytes, new KeyValuePair<string, object?>(WorkflowSessionsDiagnostics.StoreTag, store));
        }

        return new StoreOperation("WorkflowSessions commit", CommitDuration, store, clock);
    }

    private static Histogram<double> CreateDuration(string name) =>
        WorkflowSessionsDiagnostics.Meter.CreateHistogram(name, "s", description: null, tags: null, Seconds);

    public readonly void End()
    {
        _duration.Record(
            _clock.GetElapsedTime(_start).TotalSeconds,
            new KeyValuePair<string, object?>(WorkflowSessionsDiagnostics.StoreTag, _store),
            new KeyValuePair<string, object?>(OutcomeTag, Outcome)
        );
        if (_activity is not null)
        {
            _activity.SetTag(WorkflowSessionsDiagnostics.StoreTag, _store).SetTag(OutcomeTag, Outcome);
            if (string.Equals(Outcome, Failed, StringComparison.Ordinal))
            {
                _activity.SetStatus(ActivityStatusCode.Error);
            }

            _activity.Dispose();
        }
    }
}
