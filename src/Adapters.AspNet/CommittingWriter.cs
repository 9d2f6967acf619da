using System.Buffers;
using System.IO.Pipelines;

namespace WorkflowSessions.AspNetCore;

/// <summary>The writer of a <see cref="CommittingBody"/>. It keeps what is written until that is flushed and the request is committed.</summary>
internal sealed class CommittingWriter(CommittingBody body) : PipeWriter
{
    private readonly ArrayBufferWriter<byte> _held = new();
    private bool _holds;
    private bool _completed;
    private Exception? _error;

    /// <summary>Whether something is kept, so that the response starts when it is passed on.</summary>
    public bool HasHeld => _held.WrittenCount > 0 || _completed;

    public override bool CanGetUnflushedBytes => body.Inner.Writer.CanGetUnflushedBytes;

    public override long UnflushedBytes => body.Inner.Writer.UnflushedBytes + _held.WrittenCount;

    public override Memory<byte> GetMemory(int sizeHint = 0) => Holds() ? _held.GetMemory(sizeHint) : body.Inner.Writer.GetMemory(sizeHint);

    public override Span<byte> GetSpan(int sizeHint = 0) => Holds() ? _held.GetSpan(sizeHint) : body.Inner.Writer.GetSpan(sizeHint);

    public override void Advance(int bytes)
    {
        if (_holds)
        {
            _held.Advance(bytes);
        }
        else
        {
            body.Inner.Writer.Advance(bytes);
        }
    }

    public override async ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
    {
        await body.ReleaseAsync().ConfigureAwait(false);
        return await body.Inner.Writer.FlushAsync(cancellationToken).ConfigureAwait(false);
    }

    public override void CancelPendingFlush() => body.Inner.Writer.CancelPendingFlush();

    /// <summary>What was written is passed on when the request has been committed, at its end.</summary>
    public override void Complete(Exception? exception = null)
    {
        _completed = true;
        _error = exception;
    }

    public override async ValueTask CompleteAsync(Exception? exception = null)
    {
        Complete(exception);
        await body.ReleaseAsync().ConfigureAwait(false);
    }

    /// <summary>Passes on what is kept.</summary>
    public async ValueTask ReleaseAsync()
    {
        _holds = false;
        if (_held.WrittenCount > 0)
        {
            body.Inner.Writer.Write(_held.WrittenSpan);
            _held.ResetWrittenCount();
            await body.Inner.Writer.FlushAsync().ConfigureAwait(false);
        }

        if (_completed)
        {
            _completed = false;
            await body.Inner.Writer.CompleteAsync(_error).ConfigureAwait(false);
        }
    }

    /// <summary>Whether what is written next is kept; decided anew for each piece, so that its end goes where its beginning went.</summary>
    private bool Holds() => _holds = !body.IsOpen || _held.WrittenCount > 0;
}
