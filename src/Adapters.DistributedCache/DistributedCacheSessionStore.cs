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
    private static readonly SessionStoreCapabilities CacheCapabilities = new() { Buffered = true, ExpiryPerWorkflow = true };

    // Commits of one workflow in this process take turns; a few locks for all workflows are enough, because none is held while another is taken.
    private static readonly SemaphoreSlim[] Turns = [.. Enumerable.Range(0, 256).Select(_ => new SemaphoreSlim(1))];

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
        await ReadAsync(workflowId, "loaded", cancellationToken).ConfigureAwait(false);

    protected override ValueTask<WorkflowRecord> RenewWorkflowAsync(
        string workflowId,
        WorkflowRecord loaded,
        TimeSpan? idleTimeout,
        CancellationToken cancellationToken
    ) => ValueTask.FromResult(loaded.Renew(_clock.GetUtcNow(), idleTimeout));

    protected override async ValueTask<CommitResult> CommitWorkflowAsync(WorkflowCommit commit, CancellationToken cancellationToken)
    {
        SemaphoreSlim turn = TurnOf(commit.WorkflowId);
        await turn.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            WorkflowRecord? stored = await ReadAsync(commit.WorkflowId, "committed", cancellationToken).ConfigureAwait(false);
            CommitResult result = commit.Apply(stored, _clock.GetUtcNow(), out WorkflowRecord? next);
            if (!ReferenceEquals(next, stored))
            {
                cancellationToken.ThrowIfCancellationRequested();
                await WriteAsync(commit, next).ConfigureAwait(false);
            }

            return result;
        }
        finally
        {
            turn.Release();
        }
    }

    protected override ValueTask<IReadOnlyList<WorkflowSummary>> ListWorkflowsAsync(CancellationToken cancellationToken) =>
        throw new NotSupportedException("A distributed cache can't name the workflows of a session.");

    protected override async ValueTask EndWorkflowsAsync(CancellationToken cancellationToken)
    {
        // First the record, without which nobody gets at the rest by a cookie.
        foreach (string workflowId in OpenedWorkflows.Prepend(SessionRecord.WorkflowId))
        {
            SemaphoreSlim turn = TurnOf(workflowId);
            await turn.WaitAsync(cancellationToken).ConfigureAwait(false);
            try
            {
                await cache
                    .RemoveAsync(Key(workflowId), CancellationToken.None)
                    .WaitAsync(_timeout, CancellationToken.None)
                    .ConfigureAwait(false);
            }
            finally
            {
                turn.Release();
            }
        }
    }

    private async Task<WorkflowRecord?> ReadAsync(string workflowId, string what, CancellationToken cancellationToken)
    {
        ReadOnlyMemory<byte>? payload;
        try
        {
            payload = await GetAsync(Key(workflowId), cancellationToken).ConfigureAwait(false);
        }
        catch (Exception error) when (error is not OperationCanceledException || !cancellationToken.IsCancellationRequested)
        {
            throw new SessionStoreException(
                $"Workflow '{workflowId}' could not be {what}: the cache did not give what it has.",
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

    private async Task<ReadOnlyMemory<byte>?> GetAsync(string key, CancellationToken cancellationToken)
    {
        if (cache is IBufferDistributedCache buffers)
        {
            ArrayBufferWriter<byte> writer = new();
            bool found = await buffers
                .TryGetAsync(key, writer, cancellationToken)
                .AsTask()
                .WaitAsync(_timeout, cancellationToken)
                .ConfigureAwait(false);
            return found ? writer.WrittenMemory : default(ReadOnlyMemory<byte>?);
        }

        byte[]? bytes = await cache.GetAsync(key, cancellationToken).WaitAsync(_timeout, cancellationToken).ConfigureAwait(false);
        return bytes is null ? default(ReadOnlyMemory<byte>?) : bytes;
    }

    private async Task WriteAsync(WorkflowCommit commit, WorkflowRecord? next)
    {
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
            await writing.WaitAsync(_timeout).ConfigureAwait(false);
        }
        catch (Exception error)
        {
            throw new SessionStoreException(
                $"Workflow '{commit.WorkflowId}' could not be committed, or was without an answer of the cache.",
                commit.WorkflowId,
                mayBeStored: true,
                error
            );
        }
    }

    private SemaphoreSlim TurnOf(string workflowId) => Turns[(uint)Key(workflowId).GetHashCode(StringComparison.Ordinal) % Turns.Length];

    private string Key(string workflowId) => $"{_root}:{workflowId}";

    // One object, because two workflows of a request may be loaded at a time.
    private sealed record Last(ReadOnlyMemory<byte> Payload, WorkflowRecord Record);
}
