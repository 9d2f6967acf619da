using System.Runtime.InteropServices;

namespace WorkflowSessions.DistributedCache;

/// <summary>Writers of one workflow take turns in this process, in the order in which they came. Writers of other workflows never wait for them.</summary>
/// <remarks>Dispose the turn once, when the next writer may go on.</remarks>
[StructLayout(LayoutKind.Auto)]
internal readonly struct WorkflowTurn : IDisposable
{
    // The queues that somebody has or waits for. Whoever leaves one last removes it.
    private static readonly Dictionary<string, Queue> Queues = new(StringComparer.Ordinal);

    private readonly string _key;
    private readonly Queue _queue;

    private WorkflowTurn(string key, Queue queue)
    {
        _key = key;
        _queue = queue;
    }

    /// <summary>Waits for the turn.</summary>
    /// <param name="key">The key of the workflow in the cache.</param>
    /// <param name="time">The time that the caller has left.</param>
    /// <param name="cancellationToken">Cancels the wait.</param>
    /// <exception cref="TimeoutException">The time was over before the turn came.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public static async ValueTask<WorkflowTurn> TakeAsync(string key, TimeBudget time, CancellationToken cancellationToken)
    {
        WorkflowTurn turn = new(key, Enter(key));
        try
        {
            await turn._queue.WaitAsync(time, cancellationToken).ConfigureAwait(false);
        }
        catch
        {
            turn.Leave();
            throw;
        }

        return turn;
    }

    /// <summary>The number of writers of a workflow that have or await a turn.</summary>
    public static int Writers(string key)
    {
        lock (Queues)
        {
            return Queues.GetValueOrDefault(key)?.Writers ?? 0;
        }
    }

    public void Dispose()
    {
        _queue.Turn.Release();
        Leave();
    }

    private static Queue Enter(string key)
    {
        lock (Queues)
        {
            Queue queue = CollectionsMarshal.GetValueRefOrAddDefault(Queues, key, out _) ??= new Queue();
            queue.Writers++;
            return queue;
        }
    }

    private void Leave()
    {
        lock (Queues)
        {
            if (--_queue.Writers == 0)
            {
                Queues.Remove(_key);
            }
        }
    }

    private sealed class Queue
    {
        public SemaphoreSlim Turn { get; } = new(1);

        public int Writers { get; set; }

        public async ValueTask WaitAsync(TimeBudget time, CancellationToken cancellationToken)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (!Turn.Wait(0, CancellationToken.None))
            {
                using CancellationTokenSource timeout = new(time.Left, time.Clock);
                using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellationToken);
                try
                {
                    await Turn.WaitAsync(either.Token).ConfigureAwait(false);
                }
                catch (OperationCanceledException error)
                {
                    cancellationToken.ThrowIfCancellationRequested();
                    throw new TimeoutException("The time was over before the turn came.", error);
                }
            }

            // The writer before gave up at the moment at which this one's time is over, too.
            if (time.Left == TimeSpan.Zero)
            {
                Turn.Release();
                throw new TimeoutException("The time was over when the turn came.");
            }
        }
    }
}
