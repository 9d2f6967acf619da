using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Session;
using Microsoft.Extensions.Caching.Distributed;
using Microsoft.Extensions.Caching.Memory;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using WorkflowSessions.Contracts;

namespace WorkflowSessions.AspNetCore.Tests;

/// <summary>ASP.NET Core's own session over a cache in memory, one session object for each request.</summary>
internal sealed class HttpSessionHarness : StoreHarness
{
    private readonly DistributedSessionStore _sessions;
    private readonly BufferedSessionStoreOptions _options;

    public HttpSessionHarness(IDistributedCache? cache = null)
    {
        _options = new BufferedSessionStoreOptions { TimeProvider = Clock };
        _sessions = new DistributedSessionStore(
            cache ?? new MemoryDistributedCache(Options.Create(new MemoryDistributedCacheOptions())),
            NullLoggerFactory.Instance
        );
    }

    public override SessionStoreCapabilities Promised { get; } = new() { Listing = true };

    // Each request writes the whole session as it was when it loaded it.
    public override bool MergesRequests => false;

    /// <summary>It knows no ids: it is told which session to use.</summary>
    public override bool RefusesIllFormedIds => false;

    public override ISessionStore Open(string sessionId) => new HttpSessionStore(Session(sessionId), _options);

    /// <summary>The session as one request has it.</summary>
    public ISession Session(string sessionId) =>
        _sessions.Create(sessionId, TimeSpan.FromMinutes(20), TimeSpan.FromMinutes(1), () => true, isNewSessionKey: false);
}
