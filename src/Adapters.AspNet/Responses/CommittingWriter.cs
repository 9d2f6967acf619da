using System.Buffers;
using System.IO.Pipelines;

namespace WorkflowSessions.AspNetCore;

/// <summary>The writer of a <see cref="CommittingBody"/>. It keeps what is written until that is flushed and the request is committed.</summary>
internal sealed class CommittingWriter(CommittingBody body) : PipeWriter
{
    private const int FirstBytes = 4_096;

    private byte[] _kept = [];
    private int _keptBytes;
    private bool _keeps;
    private bool _isCompleted;
    private Exception? _error;

    public override bool CanGetUnflushedBytes => body.Inner.Writer.CanGetUnflushedBytes;

    public override long UnflushedBytes => body.Inner.Writer.UnflushedBytes + _keptBytes;

    /// <summary>How many bytes are passed on with the next flush; <see cref="long.MaxValue"/> when they are the last.</summary>
    public long PendingBytes => _isCompleted ? long.MaxValue : _keptBytes;

    public override Memory<byte> GetMemory(int sizeHint = 0) =>
        Keeps(sizeHint) ? _kept.AsMemory(_keptBytes) : body.Inner.Writer.GetMemory(sizeHint);

    public override Span<byte> GetSpan(int sizeHint = 0) =>
        Keeps(sizeHint) ? _kept.AsSpan(_keptBytes) : body.Inner.Writer.GetSpan(sizeHint);

    public override void Advance(int bytes)
    {
        if (_keeps)
        {
            ArgumentOutOfRangeException.ThrowIfNegative(bytes);
            ArgumentOutOfRangeException.ThrowIfGreaterThan(bytes, _kept.Length - _keptBytes);
            _keptBytes += bytes;
        }
        else
        {
            body.Inner.Writer.Advance(bytes);
            body.PassedOn(bytes);
        }
    }

    public override async ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
    {
        await body.ReleaseAsync().ConfigureAwait(false);
        FlushResult result = await body.Inner.Writer.FlushAsync(cancellationToken).ConfigureAwait(false);
        body.PassedOn(0);
        return result;
    }

    public override void CancelPendingFlush() => body.Inner.Writer.CancelPendingFlush();

    /// <summary>What was written is passed on when the request has been committed, at its end.</summary>
    public override void Complete(Exception? exception = null)
    {
        _isCompleted = true;
        _error = exception;
    }

    public override async ValueTask CompleteAsync(Exception? exception = null)
    {
        Complete(exception);
        await body.ReleaseAsync().ConfigureAwait(false);
    }

    /// <summary>Passes on what is kept.</summary>
    public async ValueTask PassOnAsync()
    {
        if (_keptBytes > 0)
        {
            int bytes = _keptBytes;
            body.Inner.Writer.Write(_kept.AsSpan(0, bytes));
            Discard();
            body.PassedOn(bytes);
            await body.Inner.Writer.FlushAsync().ConfigureAwait(false);
        }

        if (_isCompleted)
        {
            _isCompleted = false;
            await body.Inner.Writer.CompleteAsync(_error).ConfigureAwait(false);
            body.PassedOn(long.MaxValue);
        }
    }

    /// <summary>Drops what is kept.</summary>
    public void Discard()
    {
        if (_kept.Length > 0)
        {
            ArrayPool<byte>.Shared.Return(_kept, clearArray: true);
        }

        _kept = [];
        _keptBytes = 0;
        _keeps = false;
    }

    /// <summary>Whether what is written next is kept; decided anew for each piece, so that its end goes where its beginning went.</summary>
    private bool Keeps(int sizeHint)
    {
        _keeps = body.Holds || _keptBytes > 0;
        int needed = _keptBytes + Math.Max(sizeHint, 1);
        if (_keeps && needed > _kept.Length)
        {
            byte[] larger = ArrayPool<byte>.Shared.Rent(Math.Max(needed, Math.Max(FirstBytes, 2 * _kept.Length)));
            _kept.AsSpan(0, _keptBytes).CopyTo(larger);
            int kept = _keptBytes;
            Discard();
            (_kept, _keptBytes, _keeps) = (larger, kept, true);
        }

        return _keeps;
    }
}
