using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace WorkflowSessions.AspNetCore;

/// <summary>What the sessions of all requests share. One for the application.</summary>
internal sealed class RequestSessionServices(
    ISessionStoreFactory stores,
    SessionCookies cookies,
    IOptions<WorkflowSessionsOptions> options,
    ILoggerFactory loggers,
    TimeProvider? clock = null
)
{
    public ISessionStoreFactory Stores => stores;

    public SessionCookies Cookies => cookies;

    public WorkflowSessionsOptions Options => options.Value;

    public TimeProvider Clock { get; } = clock ?? TimeProvider.System;

    public ILogger Logger { get; } = loggers.CreateLogger(WorkflowSessionsDiagnostics.LoggerCategory);
}
