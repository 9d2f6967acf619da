using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace WorkflowSessions;

/// <summary>The names of what the buffered stores measure and trace. Nothing in it is a key, a value or an id of a session or workflow.</summary>
/// <remarks>
/// <code>
/// workflowsessions.load.duration     histogram, s     tags store, outcome (loaded, absent, failed, cancelled)
/// workflowsessions.commit.duration   histogram, s     tags store, outcome (stored, ended, changed, failed, cancelled)
/// workflowsessions.commit.bytes      histogram, By    tag store; keys and encoded values that were set
/// workflowsessions.update.retries    counter          tag store
/// </code>
/// Activities are named "WorkflowSessions load" and "WorkflowSessions commit" and have the same tags. Conflicts are the commits with the
/// outcomes ended and changed.
/// </remarks>
public static class WorkflowSessionsDiagnostics
{
    /// <summary>The name of the meter.</summary>
    public const string MeterName = "WorkflowSessions";

    /// <summary>The name of the activity source.</summary>
    public const string ActivitySourceName = "WorkflowSessions";

    private const string StoreTag = "store";
    private const string OutcomeTag = "outcome";

    private static readonly ActivitySource Source = new(ActivitySourceName);
    private static readonly Meter Meter = new(MeterName);
    private static readonly Histogram<double> LoadDuration = Meter.CreateHistogram<double>("workflowsessions.load.duration", "s");
    private static readonly Histogram<double> CommitDuration = Meter.CreateHistogram<double>("workflowsessions.commit.duration", "s");
    private static readonly Histogram<long> CommitBytes = Meter.CreateHistogram<long>("workflowsessions.commit.bytes", "By");
    private static readonly Counter<long> UpdateRetries = Meter.CreateCounter<long>("workflowsessions.update.retries");

    internal static Task<WorkflowRecord?> LoadAsync(string store, TimeProvider clock, Func<ValueTask<WorkflowRecord?>> load) =>
        MeasureAsync("WorkflowSessions load", LoadDuration, store, clock, load, record => record is null ? "absent" : "loaded");

    internal static async Task<CommitResult> CommitAsync(
        string store,
        TimeProvider clock,
        WorkflowCommit commit,
        Func<ValueTask<CommitResult>> send
    )
    {
        if (CommitBytes.Enabled)
        {
            long bytes = commit.Sets.Sum(entry => System.Text.Encoding.UTF8.GetByteCount(entry.Key) + (long)entry.Value.Length);
            CommitBytes.Record(bytes, new KeyValuePair<string, object?>(StoreTag, store));
        }

        return await MeasureAsync(
                "WorkflowSessions commit",
                CommitDuration,
                store,
                clock,
                send,
                result =>
                    result.Outcome switch
                    {
                        CommitOutcome.Stored => "stored",
                        CommitOutcome.Ended => "ended",
                        _ => "changed",
                    }
            )
            .ConfigureAwait(false);
    }

    internal static void Retry(string store) => UpdateRetries.Add(1, new KeyValuePair<string, object?>(StoreTag, store));

    private static async Task<T> MeasureAsync<T>(
        string name,
        Histogram<double> duration,
        string store,
        TimeProvider clock,
        Func<ValueTask<T>> action,
        Func<T, string> outcomeOf
    )
    {
        using Activity? activity = Source.StartActivity(name, ActivityKind.Client);
        long start = clock.GetTimestamp();
        string outcome = "failed";
        try
        {
            T result = await action().ConfigureAwait(false);
            outcome = outcomeOf(result);
            return result;
        }
        catch (OperationCanceledException)
        {
            outcome = "cancelled";
            throw;
        }
        finally
        {
            duration.Record(
                clock.GetElapsedTime(start).TotalSeconds,
                new KeyValuePair<string, object?>(StoreTag, store),
                new KeyValuePair<string, object?>(OutcomeTag, outcome)
            );
            activity?.SetTag(StoreTag, store).SetTag(OutcomeTag, outcome);
            if (outcome is "failed")
            {
                activity?.SetStatus(ActivityStatusCode.Error);
            }
        }
    }
}
