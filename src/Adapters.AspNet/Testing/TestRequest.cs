using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace WorkflowSessions.AspNetCore;

/// <summary>A request of a unit test: the session of a real request, on an <see cref="HttpContext"/> without a server.</summary>
internal sealed class TestRequest : IHttpContextAccessor
{
    private readonly HttpContext _context;
    private readonly RequestSession _session;
    private readonly TestResponse _response = new();

    public TestRequest(HttpContext context, RequestSessionServices services)
    {
        _context = context;
        context.Features.Set<IHttpResponseFeature>(_response);
        _session = RequestSession.Of(context, services);
        _session.BeginRun();
        Sessions = new ScopedWorkflowSessions(this);
    }

    /// <summary>What a handler of the request gets.</summary>
    public IWorkflowSessions Sessions { get; }

    HttpContext? IHttpContextAccessor.HttpContext
    {
        get => _context;
        set => throw new NotSupportedException();
    }

    /// <summary>Ends the request as the middleware does. It is over also when the commit fails.</summary>
    /// <param name="visitor">Whose browser gets the response.</param>
    /// <param name="cancellationToken">Cancels the wait.</param>
    public async ValueTask EndAsync(TestVisitor visitor, CancellationToken cancellationToken)
    {
        try
        {
            await _session.CommitAsync(cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            await _response.StartAsync().ConfigureAwait(false);
            visitor.Take(_context.Response);
            _session.Dispose();
        }
    }

    /// <summary>Runs the callbacks that a server runs when the response starts: one of them sends the cookie.</summary>
    private sealed class TestResponse : HttpResponseFeature
    {
        private readonly Stack<(Func<object, Task> Callback, object State)> _starting = new();

        public override void OnStarting(Func<object, Task> callback, object state) => _starting.Push((callback, state));

        public async Task StartAsync()
        {
            while (_starting.TryPop(out (Func<object, Task> Callback, object State) next))
            {
                await next.Callback(next.State).ConfigureAwait(false);
            }
        }
    }
}
