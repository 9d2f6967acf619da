using Microsoft.AspNetCore.Diagnostics;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace WorkflowSessions.AspNetCore;

/// <summary>The session of one request: from its cookie to the commit of its workflows.</summary>
internal sealed class RequestSessions(
    ISessionStoreFactory stores,
    IOptions<WorkflowSessionsOptions> options,
    IHostEnvironment environment,
    ILoggerFactory loggers
) : IWorkflowSessions
{
    private readonly Lock _opening = new();

    // Null as long as there is none: most requests of an application open nothing.
    private Dictionary<string, WorkflowSession>? _opened;

    // Of a session that was ended in this request: changes in them would be lost.
    private List<WorkflowSession>? _ended;

    private HttpContext? _context;
    private IExceptionHandlerFeature? _earlierFailure;
    private bool _canSetCookie;

    private SessionState _state;
    private SessionCookie? _cookie;
    private BufferedSessionStore? _store;
    private Task? _verifying;
    private CookieChange _change;
    private Task<WorkflowSession>? _httpSession;
    private SessionCookie? _staleId;
    private bool _sendsCookie;

    /// <summary>Whether something of the session is in use, so that there may be something to commit.</summary>
    public bool HasOpened => _opened is not null || _ended is not null;

    /// <summary>Whether the request has the cookie of a session.</summary>
    public bool HasCookie => _context!.Request.Cookies.ContainsKey(CookieName);

    /// <summary>
    /// The id of <c>HttpContext.Session</c>: as stable as the session, but neither what gives access to it nor what names its data. Whoever comes with an old
    /// secret gets another.
    /// </summary>
    public string HttpSessionId => (_state == SessionState.Stale ? _staleId ??= SessionCookie.Create() : _cookie!).PublicId;

    private ILogger Logger => field ??= loggers.CreateLogger(WorkflowSessionsDiagnostics.LoggerCategory);

    private HttpResponse Response => _context!.Response;

    /// <summary>Begins a request, or the run of its error page. What an earlier run opened and did not commit is dropped.</summary>
    public void Attach(HttpContext context)
    {
        DiscardChanges();
        _context = context;
        _canSetCookie = true;
        _earlierFailure = context.Features.Get<IExceptionHandlerFeature>();
    }

    /// <summary>Begins the call of a hub, on a connection whose cookies are those of the request that opened it.</summary>
    public void AttachToConnection(HttpContext? context)
    {
        _context = context ?? throw new InvalidOperationException("A hub needs a connection over HTTP to belong to a session.");
        _canSetCookie = false;
    }

    /// <inheritdoc />
    public void DiscardChanges()
    {
        _opened = null;
        _httpSession = null;
        _ended = null;
        _store = null;
        _verifying = null;
    }

    public ValueTask<WorkflowSession> OpenAsync(string workflowId, CancellationToken cancellationToken = default)
    {
        ThrowIfReserved(workflowId);
        DiscardFailed();
        return OpenWorkflowAsync(workflowId, cancellationToken);
    }

    /// <summary>Opens the workflow of <c>HttpContext.Session</c>: the same for the rest of the request, also when it could not be loaded.</summary>
    public Task<WorkflowSession> OpenHttpSessionAsync(CancellationToken cancellationToken)
    {
        DiscardFailed();
        return _httpSession is null or { IsCanceled: true }
            ? _httpSession = OpenWorkflowAsync(HttpSession.WorkflowId, cancellationToken).AsTask()
            : _httpSession;
    }

    public async Task CommitHttpSessionAsync(CancellationToken cancellationToken)
    {
        if (_httpSession is { } opening)
        {
            await (await opening.ConfigureAwait(false)).CommitAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Tells whoever changes a session that it can't begin any more, and not only the one who commits it.</summary>
    public void ThrowIfTooLateToBegin()
    {
        if (_state == SessionState.New)
        {
            ThrowIfNoCookieCanBeSent();
        }
    }

    /// <summary>Refuses the ids that are not the application's.</summary>
    public static void ThrowIfReserved(string workflowId)
    {
        ArgumentException.ThrowIfNullOrEmpty(workflowId);
        if (string.Equals(workflowId, HttpSession.WorkflowId, StringComparison.Ordinal))
        {
            throw new ArgumentException($"'{workflowId}' is HttpContext.Session. Choose another id.", nameof(workflowId));
        }
    }

    private async ValueTask<WorkflowSession> OpenWorkflowAsync(string workflowId, CancellationToken cancellationToken)
    {
        lock (_opening)
        {
            if (_opened?.TryGetValue(workflowId, out WorkflowSession? opened) == true)
            {
                return opened;
            }
        }

        BufferedSessionStore store = Begin(cancellationToken);
        WorkflowSession workflow = new(store, workflowId);
        // Under way together with the record of the session, if that is.
        Task loading = workflow.LoadAsync(cancellationToken).AsTask();
        try
        {
            await VerifiedAsync().ConfigureAwait(false);
        }
        catch
        {
            await loading.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            throw;
        }

        if (!ReferenceEquals(store, _store))
        {
            // The cookie gives no access to what is being loaded there.
            await loading.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            workflow = new WorkflowSession(_store!, workflowId);
            loading = workflow.LoadAsync(cancellationToken).AsTask();
        }

        await loading.ConfigureAwait(false);
        // Two that are opened at a time may be loaded on two threads.
        lock (_opening)
        {
            _opened ??= new Dictionary<string, WorkflowSession>(StringComparer.Ordinal);
            return _opened.TryAdd(workflowId, workflow) ? workflow : _opened[workflowId];
        }
    }

    public async ValueTask<IReadOnlyList<WorkflowSummary>> ListAsync(CancellationToken cancellationToken = default)
    {
        _ = Begin(cancellationToken);
        await VerifiedAsync().ConfigureAwait(false);
        if (_state != SessionState.Known)
        {
            return [];
        }

        IReadOnlyList<WorkflowSummary> workflows = await _store!.ListAsync(cancellationToken).ConfigureAwait(false);
        return [.. workflows.Where(workflow => !string.Equals(workflow.Id, HttpSession.WorkflowId, StringComparison.Ordinal))];
    }

    public async ValueTask CommitAsync(CancellationToken cancellationToken = default)
    {
        if (_ended?.Find(workflow => workflow.HasChanges) is { } late)
        {
            throw new InvalidOperationException(
                $"Workflow '{late.Id}' was changed after its session was ended. Open it again to begin a new session."
            );
        }

        List<WorkflowSession> changed =
        [
            .. (_opened?.Values ?? Enumerable.Empty<WorkflowSession>()).Where(workflow => workflow.HasChanges),
        ];
        if (changed.Count == 0)
        {
            return;
        }

        List<Task> commits = [];
        foreach (WorkflowSession workflow in changed)
        {
            Task commit = workflow.CommitAsync(cancellationToken).AsTask();
            commits.Add(commit);
            if (_state == SessionState.New)
            {
                // The first one begins the session; the others can be under way together.
                await commit.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }

        await Task.WhenAll(commits).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        ThrowIfFailed(commits);
    }

    public async ValueTask RegenerateIdAsync(CancellationToken cancellationToken = default)
    {
        _ = Begin(cancellationToken);
        await VerifiedAsync().ConfigureAwait(false);
        ThrowIfNoCookieCanBeSent();
        switch (_state)
        {
            case SessionState.Known:
                SessionCookie next = _cookie!.Renew();
                if (!await _store!.Record.RotateAsync(_cookie.Secret, next.Secret, cancellationToken).ConfigureAwait(false))
                {
                    throw StaleSessionStore.Refusal(SessionRecord.WorkflowId);
                }

                _cookie = next;
                Change(CookieChange.Set);
                break;

            case SessionState.Stale:
                // Whoever signs in anew is not to be kept out by the cookie of before.
                await CommitAsync(cancellationToken).ConfigureAwait(false);
                _opened = null;
                _httpSession = null;
                BeginNew();
                break;

            default:
                // The id of a session that nobody has heard of yet is new enough.
                break;
        }
    }

    public async ValueTask EndSessionAsync(CancellationToken cancellationToken = default)
    {
        _ = Begin(cancellationToken);
        await VerifiedAsync().ConfigureAwait(false);
        await _store!.EndAsync(cancellationToken).ConfigureAwait(false);
        if (_state is not SessionState.New && _canSetCookie && !Response.HasStarted)
        {
            Change(CookieChange.Delete);
        }

        if (_opened is not null)
        {
            (_ended ??= []).AddRange(_opened.Values);
            _opened = null;
        }

        _httpSession = null;
        BeginNew();
    }

    /// <summary>Commits what the request changed, unless it has failed: then all of it is dropped.</summary>
    public async ValueTask CommitResponseAsync()
    {
        DiscardFailed();
        // A client that is gone does not tear a commit.
        await CommitAsync(CancellationToken.None).ConfigureAwait(false);
    }

    /// <summary>Drops all of a request that has failed: the error page, where that runs behind WorkflowSessions, begins anew.</summary>
    private void DiscardFailed()
    {
        IExceptionHandlerFeature? failure = _context?.Features.Get<IExceptionHandlerFeature>();
        if (failure is not null && !ReferenceEquals(failure, _earlierFailure))
        {
            _earlierFailure = failure;
            DiscardChanges();
        }
    }

    /// <summary>Finds out which session it is, as far as that takes no round trip; the rest is under way when this returns.</summary>
    private BufferedSessionStore Begin(CancellationToken cancellationToken)
    {
        if (_context is null)
        {
            throw new InvalidOperationException(
                "This request has not passed WorkflowSessions. Call app.UseWorkflowSessions() once, before UseEndpoints() where that is called; "
                    + "outside a request, open a session by its id with ISessionStoreFactory."
            );
        }

        if (_store is not null)
        {
            return _store;
        }

        if (_state is SessionState.Unknown && SessionCookie.TryParse(_context.Request.Cookies[CookieName], out SessionCookie? cookie))
        {
            _cookie = cookie;
        }

        if (_cookie is null || _state is SessionState.New)
        {
            _verifying = null;
            BeginNew();
            return _store!;
        }

        BufferedSessionStore store = _store = Open(_cookie);
        _verifying = VerifyAsync(store, cancellationToken);
        return store;
    }

    private async Task VerifiedAsync()
    {
        if (_verifying is { } verifying)
        {
            await verifying.ConfigureAwait(false);
        }
    }

    private async Task VerifyAsync(BufferedSessionStore store, CancellationToken cancellationToken)
    {
        try
        {
            await store.Record.LoadAsync(cancellationToken).ConfigureAwait(false);
        }
        catch
        {
            // The next call tries again.
            _store = null;
            throw;
        }

        if (!store.Record.Exists)
        {
            // An id that a client made up is not adopted.
            Logger.LogUnknownSession();
            BeginNew();
        }
        else if (store.Record.Verify(_cookie!.Secret.Span))
        {
            _state = SessionState.Known;
        }
        else
        {
            Logger.LogStaleSession();
            _state = SessionState.Stale;
            _store = new StaleSessionStore(new InMemorySessionStoreOptions());
        }
    }

    private void BeginNew()
    {
        _state = SessionState.New;
        _cookie = SessionCookie.Create();
        _store = Open(_cookie);
        _store.BeginNew(BeginSessionAsync);
    }

    private async ValueTask BeginSessionAsync(CancellationToken cancellationToken)
    {
        ThrowIfNoCookieCanBeSent();
        // An attempt before, without an answer, may have begun it.
        if (
            !await _store!.Record.BeginAsync(_cookie!.Secret, cancellationToken).ConfigureAwait(false)
            && !_store.Record.Verify(_cookie.Secret.Span)
        )
        {
            throw new InvalidOperationException("The id of the new session is taken.");
        }

        _state = SessionState.Known;
        Change(CookieChange.Set);
    }

    private BufferedSessionStore Open(SessionCookie cookie) =>
        stores.Open(cookie.SessionId) as BufferedSessionStore
        ?? throw new InvalidOperationException(
            "The store of the sessions must be a BufferedSessionStore: AddInMemoryStore(), AddRedisStore(…) or AddDistributedCacheStore()."
        );

    private void ThrowIfNoCookieCanBeSent()
    {
        if (!_canSetCookie)
        {
            throw new InvalidOperationException(
                "A session can neither begin nor get a new id in a hub, whose connection sends no cookies. Do it in a request before."
            );
        }

        if (Response.HasStarted)
        {
            throw new InvalidOperationException(
                "The response has started, so that the cookie of the session can't be sent any more. Change or commit a workflow earlier."
            );
        }
    }

    private void Change(CookieChange change)
    {
        _change = change;
        if (!_sendsCookie)
        {
            // When the response starts, because error handlers clear the headers that there are before.
            // Not among what runs before a commit, for the same reason.
            IHttpResponseFeature response = _context!.Features.GetRequiredFeature<IHttpResponseFeature>();
            response = (response as CommittingResponse)?.Inner ?? response;
            response.OnStarting(static sessions => ((RequestSessions)sessions).SendCookieAsync(), this);
            _sendsCookie = true;
        }
    }

    private Task SendCookieAsync()
    {
        CookieOptions cookie = options.Value.Cookie.Build(_context!);
        bool isLocal =
            !_context!.Request.IsHttps
            && environment.IsDevelopment()
            && _context.Request.Host.Host is "localhost" or "127.0.0.1" or "[::1]";
        cookie.Secure &= !isLocal;
        if (_change == CookieChange.Set)
        {
            Response.Cookies.Append(CookieName, _cookie!.ToCookieValue(), cookie);
        }
        else
        {
            Response.Cookies.Delete(CookieName, cookie);
        }

        // Nobody else may get it from a cache.
        Response.Headers.CacheControl = "no-cache,no-store";
        Response.Headers.Pragma = "no-cache";
        Response.Headers.Expires = "-1";
        return Task.CompletedTask;
    }

    private string CookieName => options.Value.Cookie.Name!;

    private static void ThrowIfFailed(List<Task> commits)
    {
        List<Exception> failures = [.. commits.Where(commit => !commit.IsCompletedSuccessfully).Select(FailureOf)];
        if (failures.Count == 0)
        {
            return;
        }

        WorkflowSessionException[] known = [.. failures.OfType<WorkflowSessionException>()];
        if (failures.Count == 1 || known.Length < failures.Count)
        {
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(
                failures.Find(failure => failure is not WorkflowSessionException) ?? failures[0]
            );
        }

        AggregateException all = new(failures);
        string names = string.Join(", ", known.Select(failure => $"'{failure.WorkflowId}'"));
        throw known.All(failure => failure is WorkflowConflictException)
            ? new WorkflowConflictException(
                $"Workflows {names} were not stored, because of what others did with them meanwhile.",
                "",
                ((WorkflowConflictException)known[0]).Reason,
                [],
                all
            )
            : new SessionStoreException(
                $"Workflows {names} were not stored.",
                "",
                known.Any(failure => failure is SessionStoreException { MayBeStored: true }),
                all
            );
    }

    private static Exception FailureOf(Task commit) =>
        commit.Exception?.InnerException ?? new OperationCanceledException("The commit was cancelled.");

    private enum SessionState
    {
        Unknown,
        New,
        Known,
        Stale,
    }

    private enum CookieChange
    {
        Set,
        Delete,
    }
}
