namespace WorkflowSessions.Redis;

/// <summary>
/// Gives each workflow one commit in flight. Others of the same workflow wait in the order of their arrival. So the numbers of a node reach a workflow in
/// order, and the last one is enough to know them all. Thread-safe.
/// </summary>
internal sealed class CommitQueue
{
    private readonly Lock _lock = new();

    // A key is here while a commit of it is in flight; null while none waits behind it.
    private readonly Dictionary<string, LinkedList<TaskCompletionSource>?> _waiting = new(StringComparer.Ordinal);

    /// <summary>Waits until no other commit of the workflow is in flight. Call <see cref="Leave"/> afterwards.</summary>
    /// <exception cref="TimeoutException">The turn did not come in time; do not call <see cref="Leave"/>.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled; do not call <see cref="Leave"/>.</exception>
    public ValueTask EnterAsync(string key, TimeSpan timeout, TimeProvider time, CancellationToken cancellationToken)
    {
        LinkedListNode<TaskCompletionSource> place;
        lock (_lock)
        {
            if (_waiting.TryAdd(key, value: null))
            {
                return ValueTask.CompletedTask;
            }

            LinkedList<TaskCompletionSource> line = _waiting[key] ??= new LinkedList<TaskCompletionSource>();
            place = line.AddLast(new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
        }

        return WaitAsync(key, place, timeout, time, cancellationToken);
    }

    /// <summary>Lets the next commit of the workflow begin.</summary>
    public void Leave(string key)
    {
        lock (_lock)
        {
            if (_waiting[key]?.First is { } next)
            {
                next.List!.RemoveFirst();
                next.Value.SetResult();
            }
            else
            {
                _waiting.Remove(key);
            }
        }
    }

    private async ValueTask WaitAsync(
        string key,
        LinkedListNode<TaskCompletionSource> place,
        TimeSpan timeout,
        TimeProvider time,
        CancellationToken cancellationToken
    )
    {
        try
        {
            await place.Value.Task.WaitAsync(timeout, time, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception error) when (error is TimeoutException or OperationCanceledException)
        {
            bool hasTurn;
            lock (_lock)
            {
                hasTurn = place.Value.Task.IsCompleted;
                if (!hasTurn)
                {
                    place.List!.Remove(place);
                }
            }

            // The turn came in the same moment: it goes to the next.
            if (hasTurn)
            {
                Leave(key);
            }

            throw;
        }
    }
}
