using System.Diagnostics;
using System.Diagnostics.Metrics;
using Microsoft.Extensions.Logging;

namespace WorkflowSessions;

/// <summary>The names of what the buffered stores measure and trace. Nothing in it is a key, a value or the id of a session; the id of a workflow is in log messages only.</summary>
/// <remarks>
/// <code>
/// workflowsessions.load.duration     histogram, s     tags store, outcome (loaded, absent, failed, cancelled)
/// workflowsessions.commit.duration   histogram, s     tags store, outcome (stored, ended, changed, too_many_entries, failed, cancelled)
/// workflowsessions.commit.bytes      histogram, By    tag store; keys and encoded values that were set
/// workflowsessions.update.retries    counter          tag store
/// </code>
/// The durations advise bucket boundaries from 0.0005 to 10 seconds.
/// <code>
/// events in the category "WorkflowSessions": 1 load failed, 2 commit failed (errors), 3 commit refused (information), 4 update runs again (debug),
/// 5 idle time not renewed (warning), 6 value discarded (warning),
/// 20 not connected to Redis (error), 21 connected to Redis again (information)
/// </code>
/// Activities are named "WorkflowSessions load" and "WorkflowSessions commit" and have the same tags. Conflicts are the commits with the
/// outcomes ended and changed. A log message names the workflow, and the type of an error; what the error says is in the exception that is thrown. Control
/// characters of a workflow id are escaped, as <c>\u000A</c>.
/// </remarks>
public static partial class WorkflowSessionsDiagnostics
{
    /// <summary>The name of the meter.</summary>
    public const string MeterName = "WorkflowSessions";

    /// <summary>The name of the activity source.</summary>
    public const string ActivitySourceName = "WorkflowSessions";

    /// <summary>The category of the log messages.</summary>
    public const string LoggerCategory = "WorkflowSessions";

    internal const string StoreTag = "store";

    internal static readonly ActivitySource Source = new(ActivitySourceName);
    internal static readonly Meter Meter = new(MeterName);

    private static readonly Counter<long> UpdateRetries = Meter.CreateCounter<long>("workflowsessions.update.retries");

    internal static void Retry(string store) => UpdateRetries.Add(1, new KeyValuePair<string, object?>(StoreTag, store));

    [LoggerMessage(1, LogLevel.Error, "Workflow {Workflow} could not be loaded from {Store}: {Error}.")]
    internal static partial void LogLoadFailed(this ILogger logger, Printable workflow, string store, string error);

    [LoggerMessage(
        2,
        LogLevel.Error,
        "The changes of workflow {Workflow} could not be committed to {Store}: {Error}. They may be stored: {MayBeStored}."
    )]
    internal static partial void LogCommitFailed(this ILogger logger, Printable workflow, string store, string error, bool mayBeStored);

    [LoggerMessage(
        3,
        LogLevel.Information,
        "The changes of workflow {Workflow} were refused by {Store}, because it has {Outcome} since it was loaded."
    )]
    internal static partial void LogCommitRefused(this ILogger logger, Printable workflow, string store, CommitOutcome outcome);

    [LoggerMessage(4, LogLevel.Debug, "The update of workflow {Workflow} in {Store} runs again, because others committed meanwhile.")]
    internal static partial void LogUpdateRunsAgain(this ILogger logger, Printable workflow, string store);

    [LoggerMessage(
        5,
        LogLevel.Warning,
        "The idle time of workflow {Workflow} in {Store} could not be renewed: {Error}. The next load or commit renews it."
    )]
    internal static partial void LogRenewalFailed(this ILogger logger, Printable workflow, string store, string error);

    [LoggerMessage(
        6,
        LogLevel.Warning,
        "A value of workflow {Workflow} in {Store} could not be read as {Type}, and GetOrDiscard deleted it. Another release may have written it."
    )]
    internal static partial void LogValueDiscarded(this ILogger logger, Printable workflow, string store, string type);
}
