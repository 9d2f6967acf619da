using System.Buffers;
using Microsoft.Extensions.Caching.Distributed;

namespace WorkflowSessions.DistributedCache;

/// <summary>One session in a distributed cache.</summary>
/// <remarks>
/// <code>
/// key      {prefix}{root}:{workflow}; the root is the beginning of the SHA-256 of the session's id, in base64url
/// value    see WorkflowPayload
/// expiry   sliding: the idle timeout; absolute: the deadline, which the payload has too
/// </code>
/// </remarks>
internal sealed class DistributedCacheSessionStore(IDistributedCache cache, string sessionId, DistributedCacheSessionStoreOptions options)
    : BufferedSessionStore(options)
{
    private static readonly SessionStoreCapabilities CacheCapabilities = new() { ExpiryPerWorkflow = true };

    private readonly string _root = $"{options.EffectiveKeyPrefix}{HashSessionId(sessionId)}";
    private readonly TimeProvider _clock = options.TimeProvider;
    private readonly TimeSpan _timeout = options.CommandTimeout;
    private readonly bool _allowsBestEffortUpdates = options.AllowBestEffortUpdates;

    // What was read last: a commit mostly finds what its load found, and need not read its entries again.
    private Last? _last;

    public override SessionStoreCapabilities Capabilities => CacheCapabilities;

    protected override bool AllowsBestEffortUpdates => _allowsBestEffortUpdates;

    // A cache renews a sliding expiration whenever it is read.
    protected override bool LoadRenews => true;

    protected override async ValueTask<WorkflowRecord?> LoadWorkflowAsync(string workflowId, CancellationToken cancellationToken) =>
        await ReadAsync(workflowId, "loaded", new TimeBudget(_clock, _timeout), cancellationToken).ConfigureAwait(false);

    protected override ValueTask<WorkflowRecord> RenewWorkflowAsync(
        string workflowId,
        WorkflowRecord loaded,
        TimeSpan? idleTimeout,
        CancellationToken cancellationToken
    ) => ValueTask.FromResult(loaded.Renew(_clock.GetUtcNow(), idleTimeout));

    protected override async ValueTask<CommitResult> CommitWorkflowAsync(WorkflowCommit commit, CancellationToken cancellationToken)
    {
        TimeBudget time = new(_clock, _timeout);
        using WorkflowTurn turn = await TakeTurnAsync(commit.WorkflowId, NotCommitted(commit), commit.WorkflowId, time, cancellationToken)
            .ConfigureAwait(false);
        WorkflowRecord? stored = await ReadAsync(commit.WorkflowId, "committed", time, cancellationToken).ConfigureAwait(false);
        CommitResult result = commit.Apply(stored, _clock.GetUtcNow(), out WorkflowRecord? next);
        if (!ReferenceEquals(next, stored))
        {
            cancellationToken.ThrowIfCancellationRequested();
            await WriteAsync(commit, next, time).ConfigureAwait(false);
        }

        return result;
    }

    protected override ValueTask<IReadOnlyList<WorkflowSummary>> ListWorkflowsAsync(CancellationToken cancellationToken) =>
        throw new NotSupportedException("A distributed cache can't name the workflows of a session.");

    protected override async ValueTask EndWorkflowsAsync(CancellationToken cancellationToken)
    {
        TimeBudget time = new(_clock, _timeout);
        // First the secret, without which no cookie gives access to the rest.
        using (
            await TakeTurnAsync(SessionSecret.WorkflowId, "The session was not ended", "", time, cancellationToken).ConfigureAwait(false)
        )
        {
            await RemoveAsync(SessionSecret.WorkflowId, time).ConfigureAwait(false);
        }

        // From here on the session has ended, and a cancellation would only leave more of it behind.
        await Task.WhenAll(OpenedWorkflows.Select(workflowId => EndWorkflowAsync(workflowId, time))).ConfigureAwait(false);
    }

    private async Task EndWorkflowAsync(string workflowId, TimeBudget time)
    {
        using WorkflowTurn turn = await WorkflowTurn.TakeAsync(Key(workflowId), time, CancellationToken.None).ConfigureAwait(false);
        await RemoveAsync(workflowId, time).ConfigureAwait(false);
    }

    private async Task RemoveAsync(string workflowId, TimeBudget time)
    {
        try
        {
            await cache.RemoveAsync(Key(workflowId), CancellationToken.None).WaitAsync(time.Left, _clock).ConfigureAwait(false);
        }
        catch (OperationCanceledException error)
        {
            // No caller can cancel it, so the cache has failed.
            throw new IOException("The cache cancelled the removal of an entry by itself.", error);
        }
    }

    /// <param name="workflowId">The workflow that is to be written.</param>
    /// <param name="what">What did not happen, when the time is over before the turn comes: the beginning of the message.</param>
    /// <param name="concerned">The workflow that the exception names; empty for the session.</param>
    /// <param name="time">The time of the operation.</param>
    /// <param name="cancellationToken">Cancels the wait.</param>
    private async ValueTask<WorkflowTurn> TakeTurnAsync(
        string workflowId,
        string what,
        string concerned,
        TimeBudget time,
        CancellationToken cancellationToken
    )
    {
        try
        {
            return await WorkflowTurn.TakeAsync(Key(workflowId), time, cancellationToken).ConfigureAwait(false);
        }
        catch (TimeoutException error)
        {
            throw NotSent(what, concerned, error);
        }
    }

    private async Task<WorkflowRecord?> ReadAsync(string workflowId, string what, TimeBudget time, CancellationToken cancellationToken)
    {
        ReadOnlyMemory<byte>? payload;
        try
        {
            payload = await GetAsync(Key(workflowId), time, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception error) when (error is not OperationCanceledException || !cancellationToken.IsCancellationRequested)
        {
            throw new SessionStoreException(
                $"Workflow '{workflowId}' could not be {what}, because the cache failed or did not answer within "
                    + $"{nameof(DistributedCacheSessionStoreOptions.CommandTimeout)}. Nothing was changed. Try again.",
                workflowId,
                mayBeStored: false,
                error
            );
        }

        if (payload is null)
        {
            return null;
        }

        WorkflowRecord record;
        try
        {
            Last? last = _last;
            record =
                last is not null && payload.Value.Span.SequenceEqual(last.Payload.Span) ? last.Record : WorkflowPayload.Read(payload.Value);
            _last = new Last(payload.Value, record);
        }
        catch (FormatException error)
        {
            throw new SessionStoreException(
                $"What is stored of workflow '{workflowId}' can't be read: {error.Message} Nothing was changed. Remove the entry, or choose another prefix.",
                workflowId,
                mayBeStored: false,
                error
            );
        }

        // The cache's clock is not this one.
        return record.Deadline <= _clock.GetUtcNow() ? null : record;
    }

    private async Task<ReadOnlyMemory<byte>?> GetAsync(string key, TimeBudget time, CancellationToken cancellationToken)
    {
        if (cache is IBufferDistributedCache buffers)
        {
            ArrayBufferWriter<byte> writer = new();
            bool found = await buffers
                .TryGetAsync(key, writer, cancellationToken)
                .AsTask()
                .WaitAsync(time.Left, _clock, cancellationToken)
                .ConfigureAwait(false);
            return found ? writer.WrittenMemory : default(ReadOnlyMemory<byte>?);
        }

        byte[]? bytes = await cache.GetAsync(key, cancellationToken).WaitAsync(time.Left, _clock, cancellationToken).ConfigureAwait(false);
        return bytes is null ? default(ReadOnlyMemory<byte>?) : bytes;
    }

    private async Task WriteAsync(WorkflowCommit commit, WorkflowRecord? next, TimeBudget time)
    {
        if (time.Left == TimeSpan.Zero)
        {
            throw NotSent(NotCommitted(commit), commit.WorkflowId, new TimeoutException());
        }

        string key = Key(commit.WorkflowId);
        try
        {
            Task writing = next is null
                ? cache.RemoveAsync(key, CancellationToken.None)
                : cache.SetAsync(
                    key,
                    WorkflowPayload.Write(next),
                    new DistributedCacheEntryOptions { SlidingExpiration = commit.IdleTimeout, AbsoluteExpiration = next.Deadline },
                    CancellationToken.None
                );
            await writing.WaitAsync(time.Left, _clock).ConfigureAwait(false);
        }
        catch (Exception error)
        {
            throw new SessionStoreException(
                $"The commit of workflow '{commit.WorkflowId}' was sent, and the cache failed or did not answer within "
                    + $"{nameof(DistributedCacheSessionStoreOptions.CommandTimeout)}. It may be stored. Load the workflow to see.",
                commit.WorkflowId,
                mayBeStored: true,
                error
            );
        }
    }

    private static string NotCommitted(WorkflowCommit commit) => $"Workflow '{commit.WorkflowId}' was not committed";

    private static SessionStoreException NotSent(string what, string workflowId, TimeoutException error) =>
        new(
            $"{what}, because waiting took all of {nameof(DistributedCacheSessionStoreOptions.CommandTimeout)}. "
                + "Nothing was sent or changed. Try again.",
            workflowId,
            mayBeStored: false,
            error
        );

    private string Key(string workflowId) => $"{_root}:{workflowId}";

    // One object, because two workflows of a request may be loaded at a time.
    private sealed record Last(ReadOnlyMemory<byte> Payload, WorkflowRecord Record);
}
