using System.Diagnostics.CodeAnalysis;
using System.Diagnostics.Metrics;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace WorkflowSessions.AspNetCore;

/// <summary><c>HttpContext.Session</c>: a workflow of its own among those of the request, and committed with them. Each key is an entry.</summary>
/// <remarks>
/// A request loads it once. A load that has failed stays so: every member throws what it threw, so that nothing takes it for an empty session.
/// </remarks>
[SuppressMessage(
    "Design",
    "MA0045",
    Justification = "The members of ISession are synchronous; a load that they have to wait for is counted."
)]
internal sealed class HttpContextSession(HttpContext context, RequestSession sessions, HttpContextSessionPreloading preloading)
    : ISession,
        ISessionFeature
{
    /// <summary>The workflow that the session is.</summary>
    public const string WorkflowId = "$http";

    private static readonly Meter Meter = new(WorkflowSessionsDiagnostics.MeterName);
    private static readonly Counter<long> BlockingLoads = Meter.CreateCounter<long>("workflowsessions.http_session.blocking_loads");

    private ISession? _replacement;

    ISession ISessionFeature.Session
    {
        get
        {
            // Whoever gets it may keep it longer than the request runs.
            sessions.Observe();
            return _replacement ?? this;
        }
        set => _replacement = value;
    }

    public bool IsAvailable
    {
        get
        {
            try
            {
                _ = Workflow;
                return true;
            }
            catch (SessionStoreException)
            {
                return false;
            }
        }
    }

    public string Id
    {
        get
        {
            _ = Workflow;
            return sessions.HttpSessionId;
        }
    }

    public IEnumerable<string> Keys => Workflow.GetAll().Keys;

    private WorkflowSession Workflow
    {
        get
        {
            Task<WorkflowSession> opening = sessions.OpenHttpSessionAsync();
            if (!opening.IsCompleted)
            {
                BlockingLoads.Add(1);
                preloading.Learn(context.GetEndpoint());
            }

            return opening.GetAwaiter().GetResult();
        }
    }

    public Task LoadAsync(CancellationToken cancellationToken = default) =>
        cancellationToken.IsCancellationRequested
            ? Task.FromCanceled(cancellationToken)
            : sessions.OpenHttpSessionAsync().WaitAsync(cancellationToken);

    public Task CommitAsync(CancellationToken cancellationToken = default) => sessions.CommitHttpSessionAsync(cancellationToken).AsTask();

    public bool TryGetValue(string key, [NotNullWhen(true)] out byte[]? value) => Workflow.TryGet(key, out value);

    public void Set(string key, byte[] value)
    {
        ArgumentNullException.ThrowIfNull(value);
        Workflow.Set(key, value);
    }

    public void Remove(string key) => Workflow.Delete(key);

    public void Clear()
    {
        // A session that is empty is left alone: nothing of it needs to begin, or to be written.
        WorkflowSession workflow = Workflow;
        if (workflow.Count > 0)
        {
            workflow.Clear();
        }
    }

    /// <summary>Loads it if the request has a cookie. A failure is told to whoever uses the session.</summary>
    public async Task PreloadAsync()
    {
        if (sessions.HasCookie)
        {
            Task opening = sessions.OpenHttpSessionAsync();
            await opening.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }
}
