using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;

namespace WorkflowSessions;

/// <summary>All sessions in memory, how many there may be, and the memory of the expired.</summary>
/// <remarks>
/// Thread-safe. Locks are taken in this order: <c>_beginning</c>, a session, <c>_due</c>. A session is in the table only while it has workflows.
/// </remarks>
internal sealed class InMemorySessionTable(InMemorySessionStoreOptions options)
{
    private static readonly Comparer<InMemorySession> ByDueTime = Comparer<InMemorySession>.Create(
        static (first, second) => first.DueAt == second.DueAt ? first.Number.CompareTo(second.Number) : first.DueAt.CompareTo(second.DueAt)
    );

    private readonly ConcurrentDictionary<string, InMemorySession> _sessions = new(StringComparer.Ordinal);
    private readonly SortedSet<InMemorySession> _due = new(ByDueTime);
    private readonly Lock _beginning = new();
    private long _firstDue = DateTimeOffset.MaxValue.UtcTicks;
    private long _begun;
    private long _examined;
    private int _count;

    /// <summary>The number of sessions in memory, those included that have expired and not been freed yet.</summary>
    public int Count => Volatile.Read(ref _count);

    /// <summary>How often a session was examined for expired workflows. Tests count the work with it.</summary>
    public long Examined => Volatile.Read(ref _examined);

    /// <summary>How many sessions wait for the time at which they are examined.</summary>
    public int Waiting
    {
        get
        {
            lock (_due)
            {
                return _due.Count;
            }
        }
    }

    private bool IsFull => Count >= (options.MaxSessions ?? int.MaxValue);

    public static WorkflowRecord? Live(WorkflowRecord? record, DateTimeOffset now) => record?.ExpiresAt <= now ? null : record;

    public bool TryGet(string sessionId, [NotNullWhen(true)] out InMemorySession? session) => _sessions.TryGetValue(sessionId, out session);

    /// <summary>Applies a commit where there is no session, and begins one with the workflow that the commit creates.</summary>
    /// <returns>What became of the commit; null when there is such a session: another request began it meanwhile.</returns>
    /// <exception cref="SessionStoreException">There are as many live sessions as there may be.</exception>
    public CommitResult? TryBegin(string sessionId, WorkflowCommit commit)
    {
        // One at a time, so that a request that finds the store full knows that nobody else is making room.
        lock (_beginning)
        {
            if (_sessions.ContainsKey(sessionId))
            {
                return null;
            }

            bool hasRoom = TryMakeRoom();
            // Read after that: a workflow that takes the place of an expired session is not older than that expiry.
            CommitResult result = commit.Apply(stored: null, options.TimeProvider.GetUtcNow(), out WorkflowRecord? created);
            if (created is null)
            {
                // It leaves nothing behind, and needs no room.
                return result;
            }

            if (!hasRoom)
            {
                throw new SessionStoreException(
                    $"Workflow '{commit.WorkflowId}' was not committed, because the store is full: "
                        + $"it has the {options.MaxSessions} sessions that {nameof(InMemorySessionStoreOptions.MaxSessions)} allows. "
                        + "Try again when sessions have ended or expired. If this happens often, shorten the idle timeout or raise the limit.",
                    commit.WorkflowId,
                    mayBeStored: false
                );
            }

            InMemorySession session = new(sessionId, _begun++);
            lock (session)
            {
                _sessions[sessionId] = session;
                Interlocked.Increment(ref _count);
                Put(session, commit.WorkflowId, created);
            }

            return result;
        }
    }

    /// <summary>Puts a workflow into a session that the caller has locked, or removes it where it is null.</summary>
    public void Put(InMemorySession session, string workflowId, WorkflowRecord? record)
    {
        if (record is null)
        {
            session.Workflows.Remove(workflowId);
            FreeIfEmpty(session);
            return;
        }

        session.Workflows[workflowId] = record;
        // A workflow that expires later than before moves nothing: the session is examined too early, and then again.
        if (record.ExpiresAt < session.DueAt)
        {
            ExamineAt(session, record.ExpiresAt.Value);
        }
    }

    /// <summary>Frees a session that the caller has locked, when it has no workflows.</summary>
    public void FreeIfEmpty(InMemorySession session)
    {
        if (session.Workflows.Count > 0 || session.IsFreed)
        {
            return;
        }

        session.IsFreed = true;
        // Counted before it is removed: who no longer finds it among the due must not count it either.
        Interlocked.Decrement(ref _count);
        _sessions.TryRemove(new KeyValuePair<string, InMemorySession>(session.Id, session));
        ExamineAt(session, DateTimeOffset.MaxValue);
    }

    /// <summary>Frees what has expired, the first first.</summary>
    /// <param name="most">How many sessions to examine at most.</param>
    public void FreeExpired(int most)
    {
        DateTimeOffset now = options.TimeProvider.GetUtcNow();
        for (int i = 0; i < most && FirstDue(now) is { } session; i++)
        {
            lock (session)
            {
                // Another request freed it or looked at it meanwhile.
                if (session.DueAt > now)
                {
                    continue;
                }

                Interlocked.Increment(ref _examined);
                foreach (
                    string id in session.Workflows.Where(workflow => Live(workflow.Value, now) is null).Select(workflow => workflow.Key)
                )
                {
                    // Removing does not disturb the enumeration of a dictionary.
                    session.Workflows.Remove(id);
                }

                FreeIfEmpty(session);
                if (!session.IsFreed)
                {
                    ExamineAt(session, session.Workflows.Values.Min(record => record.ExpiresAt ?? DateTimeOffset.MaxValue));
                }
            }
        }
    }

    private bool TryMakeRoom()
    {
        if (IsFull)
        {
            FreeExpired(int.MaxValue);
        }

        return !IsFull;
    }

    private InMemorySession? FirstDue(DateTimeOffset now)
    {
        // Almost always nothing is due, which needs no lock.
        if (Volatile.Read(ref _firstDue) > now.UtcTicks)
        {
            return null;
        }

        lock (_due)
        {
            return _due.Min is { } first && first.DueAt <= now ? first : null;
        }
    }

    private void ExamineAt(InMemorySession session, DateTimeOffset time)
    {
        lock (_due)
        {
            _due.Remove(session);
            session.DueAt = time;
            if (time < DateTimeOffset.MaxValue)
            {
                _due.Add(session);
            }

            Volatile.Write(ref _firstDue, (_due.Min?.DueAt ?? DateTimeOffset.MaxValue).UtcTicks);
        }
    }
}
