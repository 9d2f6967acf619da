using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using WorkflowSessions.Contracts;

namespace WorkflowSessions.Tests;

/// <summary>What is measured and traced, and that nothing of the user's is in it.</summary>
public sealed class TelemetryTests
{
    private const string Secret = "s3cret";

    private static readonly string[] Instruments =
    [
        "workflowsessions.load.duration",
        "workflowsessions.commit.duration",
        "workflowsessions.commit.bytes",
        "workflowsessions.update.retries",
    ];

    [TestCase("workflowsessions.load.duration")]
    [TestCase("workflowsessions.commit.duration")]
    public async Task Durations_advise_buckets_from_half_a_millisecond_to_ten_seconds(string name)
    {
        Histogram<double>? duration = null;
        using MeterListener meter = new();
        meter.InstrumentPublished = (instrument, _) =>
            duration = string.Equals(instrument.Name, name, StringComparison.Ordinal) ? (Histogram<double>)instrument : duration;
        meter.Start();
        WorkflowSession workflow = new(new InMemorySessionStoreFactory().Open("alice"), "checkout");
        await workflow.LoadAsync();
        IReadOnlyList<double> boundaries = duration!.Advice!.HistogramBucketBoundaries!;
        Assert.That(boundaries[0], Is.EqualTo(0.0005));
        Assert.That(boundaries[^1], Is.EqualTo(10));
        Assert.That(boundaries, Is.Ordered);
    }

    [Test]
    public async Task Loads_and_commits_are_measured_without_a_word_of_the_users()
    {
        ConcurrentBag<(string Instrument, double Value, string Tags)> measured = [];
        ConcurrentBag<string> traced = [];
        using MeterListener meter = new();
        meter.InstrumentPublished = (instrument, listener) =>
        {
            if (string.Equals(instrument.Meter.Name, WorkflowSessionsDiagnostics.MeterName, StringComparison.Ordinal))
            {
                listener.EnableMeasurementEvents(instrument);
            }
        };
        meter.SetMeasurementEventCallback<double>((instrument, value, tags, _) => measured.Add((instrument.Name, value, Text(tags))));
        meter.SetMeasurementEventCallback<long>((instrument, value, tags, _) => measured.Add((instrument.Name, value, Text(tags))));
        meter.Start();
        using ActivityListener activities = new()
        {
            ShouldListenTo = source => string.Equals(source.Name, WorkflowSessionsDiagnostics.ActivitySourceName, StringComparison.Ordinal),
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = activity =>
                traced.Add(
                    $"{activity.DisplayName} {activity.Status} {activity.StatusDescription} {string.Join(' ', activity.TagObjects)} {string.Join(' ', activity.Events.SelectMany(e => e.Tags))}"
                ),
        };
        ActivitySource.AddActivityListener(activities);

        // A store type of its own, so that what other tests do at the same time is told apart.
        ExampleHarness harness = new((database, sessionId, options) => new MeasuredStore(database, sessionId, options));
        WorkflowSession workflow = new(harness.Open($"session-{Secret}"), $"workflow-{Secret}");
        await workflow.LoadAsync();
        workflow.Set($"key-{Secret}", $"value-{Secret}");
        await workflow.CommitAsync();
        await workflow.LoadAsync();
        WorkflowSession late = new(harness.Open($"session-{Secret}"), $"workflow-{Secret}");
        await late.LoadAsync();
        workflow.End();
        await workflow.CommitAsync();
        late.Set("x", 1);
        Assert.That(async () => await late.CommitAsync(), Throws.InstanceOf<WorkflowConflictException>());
        harness.Database.BeforeWrite = () => throw new IOException(Secret);
        late.End();
        late.Set("x", 1);
        Assert.That(async () => await late.CommitAsync(), Throws.InstanceOf<SessionStoreException>());

        (string Instrument, double Value, string Tags)[] own =
        [
            .. measured.Where(m => m.Tags.Contains(nameof(MeasuredStore), StringComparison.Ordinal)),
        ];
        Assert.That(
            own.Select(m => $"{m.Instrument} {m.Tags}"),
            Is.SupersetOf(
                new[]
                {
                    "workflowsessions.load.duration store=MeasuredStore outcome=absent",
                    "workflowsessions.load.duration store=MeasuredStore outcome=loaded",
                    "workflowsessions.commit.duration store=MeasuredStore outcome=stored",
                    "workflowsessions.commit.duration store=MeasuredStore outcome=ended",
                    "workflowsessions.commit.duration store=MeasuredStore outcome=failed",
                    "workflowsessions.commit.bytes store=MeasuredStore",
                }
            )
        );
        Assert.That(own.Select(m => m.Instrument).Distinct(), Is.SubsetOf(Instruments));
        Assert.That(own.Where(m => m.Instrument.EndsWith("bytes", StringComparison.Ordinal)).Max(m => m.Value), Is.EqualTo(10 + 1 + 12));
        string[] ownTraces = [.. traced.Where(trace => trace.Contains(nameof(MeasuredStore), StringComparison.Ordinal))];
        Assert.That(ownTraces, Has.Some.StartsWith("WorkflowSessions load").And.Some.StartsWith("WorkflowSessions commit Error"));
        Assert.That(ownTraces.Concat(own.Select(m => m.Tags)), Has.None.Contains(Secret));
    }

    [Test]
    public async Task Failures_and_conflicts_are_logged_without_a_word_of_the_users()
    {
        LogOfTest log = new();
        ExampleDatabase database = new();
        BufferedSessionStoreOptions options = new() { LoggerFactory = log };
        WorkflowSession Open() => new(new ExampleSessionStore(database, $"session-{Secret}", options), "checkout");
        WorkflowSession workflow = Open();
        await workflow.UpdateAsync(w => w.Set($"key-{Secret}", Secret));
        WorkflowSession late = Open();
        await late.LoadAsync();
        workflow.End();
        await workflow.CommitAsync();
        late.Set($"key-{Secret}", Secret);
        Assert.That(async () => await late.CommitAsync(), Throws.InstanceOf<WorkflowConflictException>());
        int runs = 0;
        await workflow.UpdateAsync(async w =>
        {
            if (runs++ == 0)
            {
                await Open().UpdateAsync(other => other.Set("y", 1));
            }

            w.Set("x", 1);
        });
        database.BeforeWrite = () => throw new IOException(Secret);
        workflow.Set("x", 2);
        Assert.That(async () => await workflow.CommitAsync(), Throws.InstanceOf<SessionStoreException>());
        await Open().LoadAsync();
        database.BeforeRead = () => throw new IOException(Secret);
        Assert.That(async () => await Open().LoadAsync(), Throws.InstanceOf<SessionStoreException>());

        Assert.That(log.Messages.Select(message => message.Split(' ')[0]), Is.EqualTo(new[] { "3", "3", "4", "2", "5", "1" }));
        Assert.That(log.Messages, Is.All.Contains("checkout"));
        Assert.That(log.Messages, Has.None.Contains(Secret));
        Assert.That(log.Messages[3], Does.Contain("IOException").And.Contain("They may be stored: True"));
    }

    private static string Text(ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        List<string> texts = [];
        foreach ((string key, object? value) in tags)
        {
            texts.Add($"{key}={value}");
        }

        return string.Join(' ', texts);
    }

    private sealed class MeasuredStore(ExampleDatabase database, string sessionId, BufferedSessionStoreOptions options)
        : ExampleSessionStore(database, sessionId, options);
}
