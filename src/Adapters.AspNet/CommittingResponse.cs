using System.Diagnostics.CodeAnalysis;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace WorkflowSessions.AspNetCore;

/// <summary>
/// The response of a request that may use <c>HttpContext.Session</c>. What is to run when the response starts runs before the commit, because it may change
/// the session, as TempData do.
/// </summary>
internal sealed class CommittingResponse(IHttpResponseFeature inner) : IHttpResponseFeature
{
    private Stack<Callback>? _callbacks;

    public IHttpResponseFeature Inner => inner;

    /// <summary>Whether something is to run when the response starts.</summary>
    public bool HasCallbacks => _callbacks is { Count: > 0 } && !inner.HasStarted;

    public int StatusCode
    {
        get => inner.StatusCode;
        set => inner.StatusCode = value;
    }

    public string? ReasonPhrase
    {
        get => inner.ReasonPhrase;
        set => inner.ReasonPhrase = value;
    }

    public IHeaderDictionary Headers
    {
        get => inner.Headers;
        set => inner.Headers = value;
    }

    [Obsolete("Use IHttpResponseBodyFeature.Stream instead.")]
    [SuppressMessage("Info Code Smell", "S1133", Justification = "A member of the interface.")]
    public Stream Body
    {
        get => inner.Body;
        set => inner.Body = value;
    }

    public bool HasStarted => inner.HasStarted;

    public void OnStarting(Func<object, Task> callback, object state)
    {
        Callback added = new(callback, state);
        inner.OnStarting(static state => ((Callback)state).RunAsync(), added);
        (_callbacks ??= new Stack<Callback>()).Push(added);
    }

    public void OnCompleted(Func<object, Task> callback, object state) => inner.OnCompleted(callback, state);

    /// <summary>Runs them, the last one first as the server does, and once.</summary>
    public async ValueTask RunCallbacksAsync()
    {
        while (HasCallbacks)
        {
            await _callbacks!.Pop().RunAsync().ConfigureAwait(false);
        }
    }

    private sealed class Callback(Func<object, Task> callback, object state)
    {
        private bool _done;

        public Task RunAsync()
        {
            if (_done)
            {
                return Task.CompletedTask;
            }

            _done = true;
            return callback(state);
        }
    }
}
