using Microsoft.AspNetCore.Diagnostics;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace WorkflowSessions.AspNetCore;

/// <summary>The session of one request, whatever services ask for it: its workflows, from the first that is opened to their commit.</summary>
/// <remarks>
/// It lives on the <see cref="HttpContext"/>. A server gives that object to another request, of another visitor, when this one is over. So everything that
/// touches it is behind one lock and the check that the request still runs.
/// </remarks>
internal sealed partial class RequestSession : IDisposable
{
    private const string TooLateToBegin =
        "The response has started, so that the cookie of a new session can't be sent any more. Change or commit a workflow before the first byte of the response: "
        + "in a component with streaming rendering, before its first await.";

    private readonly Lock _gate = new();
    private readonly RequestSessionServices _services;
    private readonly SessionIdentity _identity;
    private readonly bool _isHub;
    private readonly HttpContext? _context;
    private bool _isRunning;
    private bool _isObserved;
    private volatile bool _isOver;

    // Null as long as there is none: most requests of an application open nothing.
    private Dictionary<string, Task<WorkflowSession>>? _opened;
    private List<BufferedSessionStore>? _stores;
    private BufferedSessionStore? _store;
    private Task<WorkflowSession>? _httpSession;
    private IExceptionHandlerFeature? _earlierFailure;
    private string? _readOnlyReason;
    private bool _preventsCaching;
    private int _drops;

    private RequestSession(RequestSessionServices services, HttpContext? context, bool isHub)
    {
        _services = services;
        _context = context;
        _isHub = isHub;
        _isRunning = isHub;
        _identity = new SessionIdentity(services.Stores, services.Logger, services.Clock);
    }

    /// <summary>Whether something of the session is in use, so that there may be something to commit.</summary>
    public bool HasOpened => _opened is not null;

    /// <summary>Whether the request has a cookie of a session.</summary>
    public bool HasCookie => _services.Cookies.Read(_context!).Count > 0;

    /// <summary>
    /// The id of <c>HttpContext.Session</c>: as stable as the session, but neither its secret nor its name in the store. Whoever comes with an old secret gets
    /// another.
    /// </summary>
    public string HttpSessionId
    {
        get
        {
            lock (_gate)
            {
                ThrowIfOver();
                return _identity.Cookie!.PublicId;
            }
        }
    }

    /// <summary>The session of a request; made when it is asked for the first time.</summary>
    public static RequestSession Of(HttpContext context) =>
        context.Features.Get<RequestSession>() ?? Of(context, context.RequestServices.GetRequiredService<RequestSessionServices>());

    /// <summary>Makes the session of a request.</summary>
    public static RequestSession Of(HttpContext context, RequestSessionServices services)
    {
        RequestSession session = new(services, context, isHub: false);
        context.Features.Set(session);
        return session;
    }

    /// <summary>The session of one call of a hub, on a connection whose cookies are those of the request that opened it.</summary>
    public static RequestSession OfHub(RequestSessionServices services, HttpContext? connection) => new(services, connection, isHub: true);

    /// <summary>Somebody has a reference to this session, and may keep it longer than the request runs.</summary>
    public void Observe()
    {
        if (!_isObserved && !_isHub)
        {
            _isObserved = true;
            _context!.Response.OnCompleted(
                static session =>
                {
                    ((RequestSession)session).Dispose();
                    return Task.CompletedTask;
                },
                this
            );
        }
    }

    /// <summary>The pipeline begins, or runs again for an error page. Whatever an earlier run opened and did not commit is dropped.</summary>
    public void BeginRun()
    {
        lock (_gate)
        {
            Drop("The request failed, and an error page runs now. Open the workflow again in the page.");
            _isRunning = true;
            _readOnlyReason = null;
            _earlierFailure = _context!.Features.Get<IExceptionHandlerFeature>();
        }
    }

    /// <summary>The pipeline has ended: what is changed now would not be committed any more.</summary>
    public void EndRun()
    {
        lock (_gate)
        {
            Restrict(
                "The workflows of this request are committed already. Change them before UseWorkflowSessions() returns, or in another request."
            );
            _opened = null;
            _httpSession = null;
            _store = null;
        }
    }

    /// <inheritdoc cref="IWorkflowSessions.DiscardChanges" />
    public void DiscardChanges()
    {
        lock (_gate)
        {
            ThrowIfOver();
            Drop("The changes of this request were discarded. Open the workflow again to change it.");
        }
    }

    /// <summary>The run has failed: nothing that it set is stored.</summary>
    public void Fail()
    {
        lock (_gate)
        {
            Drop("The request failed, so that its changes are not stored. Open the workflow again to change it in an error page.");
        }
    }

    /// <summary>Bytes of the response are out of our hands.</summary>
    /// <param name="isComplete">Whether the client has all of it, so that no failure could be told any more.</param>
    public void OnResponseStarted(bool isComplete)
    {
        lock (_gate)
        {
            if (isComplete)
            {
                Restrict(
                    "The response is complete, so that a change that can't be stored could not be told to the client. Change the workflow earlier."
                );
            }
            else if (_identity.State is SessionState.New or SessionState.Stale)
            {
                _store?.MakeReadOnly(TooLateToBegin);
            }
        }
    }

    /// <summary>The request is over, and the <see cref="HttpContext"/> may belong to another one soon.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _isOver = true;
            _stores?.ForEach(store => store.Dispose());
            _opened = null;
            _httpSession = null;
            _store = null;
        }
    }

    /// <summary>Drops all of a request that has failed: an error page behind WorkflowSessions begins anew.</summary>
    private void DropIfFailed()
    {
        // The features of a hub's connection are gone when it closes.
        IExceptionHandlerFeature? failure = _isHub ? null : _context?.Features.Get<IExceptionHandlerFeature>();
        if (failure is not null && !ReferenceEquals(failure, _earlierFailure))
        {
            _earlierFailure = failure;
            Drop("The request failed, and an error page runs now. Open the workflow again in the page.");
        }
    }

    private void Drop(string reason)
    {
        _drops++;
        _store?.MakeReadOnly(reason);
        _opened = null;
        _httpSession = null;
        _store = null;
        _preventsCaching = false;
    }

    private void Restrict(string reason)
    {
        _readOnlyReason = reason;
        _store?.MakeReadOnly(reason);
    }

    private void ThrowIfOver()
    {
        if (_isOver || !(_isHub || _context is null || ReferenceEquals(_context.Features.Get<RequestSession>(), this)))
        {
            throw new ObjectDisposedException(
                nameof(IWorkflowSessions),
                "The request of this session is over, so nothing was read or stored. Take the values you need while it runs; outside a request, as in a Blazor "
                    + "circuit, open a session by an id of its own with ISessionStoreFactory."
            );
        }
    }
}
