using System.Diagnostics.CodeAnalysis;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Primitives;

namespace WorkflowSessions.AspNetCore;

/// <summary>
/// The response of a request. Callbacks that are to run when it starts run before the commit, because they may change a workflow, as TempData do.
/// </summary>
internal sealed class CommittingResponse(IHttpResponseFeature inner) : IHttpResponseFeature
{
    private Stack<Callback>? _callbacks;
    private KeyValuePair<string, StringValues>[] _headersBefore = [];

    public IHttpResponseFeature Inner => inner;

    /// <summary>Whether bytes of the body are out of our hands, also where something around us keeps them back.</summary>
    public bool HasPassedOn { get; set; }

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

    // An error page behind what was passed on would be mixed with it.
    public bool HasStarted => inner.HasStarted || HasPassedOn;

    private bool HasCallbacks => _callbacks is { Count: > 0 } && !inner.HasStarted;

    public void OnStarting(Func<object, Task> callback, object state)
    {
        Callback added = new(callback, state);
        inner.OnStarting(static state => ((Callback)state).RunAsync(), added);
        (_callbacks ??= new Stack<Callback>()).Push(added);
    }

    public void OnCompleted(Func<object, Task> callback, object state) => inner.OnCompleted(callback, state);

    /// <summary>Runs the callbacks, the last one first as the server does, and once.</summary>
    public async ValueTask RunCallbacksAsync()
    {
        if (!HasCallbacks)
        {
            return;
        }

        Dictionary<string, StringValues> before = new(inner.Headers, StringComparer.OrdinalIgnoreCase);
        while (HasCallbacks)
        {
            await _callbacks!.Pop().RunAsync().ConfigureAwait(false);
        }

        // They don't run again. Security headers belong to an error page as well, whoever fails from here on.
        KeyValuePair<string, StringValues>[] set =
        [
            .. inner.Headers.Where(header => !before.TryGetValue(header.Key, out StringValues old) || old != header.Value),
        ];
        if (set.Length > 0)
        {
            Keep(set);
        }
    }

    /// <summary>The headers that are there now belong to a response of failure as well: middleware has set them, and not the endpoint.</summary>
    public void RememberHeaders() => _headersBefore = inner.Headers.Count == 0 ? [] : [.. inner.Headers];

    /// <summary>Drops the headers of the endpoint.</summary>
    public void RestoreHeaders()
    {
        // A page of another origin could not read what it is told without these, which an endpoint may have set.
        KeyValuePair<string, StringValues>[] crossOrigin =
        [
            .. inner.Headers.Where(header => header.Key.StartsWith("Access-Control-", StringComparison.OrdinalIgnoreCase)),
        ];
        inner.Headers.Clear();
        foreach ((string name, StringValues value) in _headersBefore.Concat(crossOrigin))
        {
            inner.Headers[name] = value;
        }

        inner.Headers.ContentLength = null;
    }

    /// <summary>Makes headers survive when the response is cleared for an error.</summary>
    private void Keep(KeyValuePair<string, StringValues>[] set)
    {
        if (!inner.HasStarted)
        {
            inner.OnStarting(
                static state =>
                {
                    (IHeaderDictionary all, KeyValuePair<string, StringValues>[] kept) = ((
                        IHeaderDictionary,
                        KeyValuePair<string, StringValues>[]
                    ))state;
                    foreach ((string name, StringValues value) in kept)
                    {
                        _ = all.TryAdd(name, value);
                    }

                    return Task.CompletedTask;
                },
                (inner.Headers, set)
            );
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
