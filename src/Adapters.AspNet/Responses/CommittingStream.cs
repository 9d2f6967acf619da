using System.Diagnostics.CodeAnalysis;

namespace WorkflowSessions.AspNetCore;

/// <summary>The stream of a <see cref="CommittingBody"/>. The first write or flush waits for the commit.</summary>
[SuppressMessage(
    "Design",
    "MA0045",
    Justification = "A synchronous write can't wait otherwise; servers refuse those unless the application allows them."
)]
internal sealed class CommittingStream(CommittingBody body) : Stream
{
    private Stream Inner => body.Inner.Stream;

    public override bool CanRead => Inner.CanRead;

    public override bool CanSeek => Inner.CanSeek;

    public override bool CanWrite => Inner.CanWrite;

    public override long Length => Inner.Length;

    public override long Position
    {
        get => Inner.Position;
        set => Inner.Position = value;
    }

    public override int Read(byte[] buffer, int offset, int count) => Inner.Read(buffer, offset, count);

    public override long Seek(long offset, SeekOrigin origin) => Inner.Seek(offset, origin);

    public override void SetLength(long value) => Inner.SetLength(value);

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        Release(buffer.Length);
        Inner.Write(buffer);
        body.PassedOn(buffer.Length);
    }

    public override void Flush()
    {
        Release(0);
        Inner.Flush();
        body.PassedOn(0);
    }

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        await body.ReleaseAsync(buffer.Length).ConfigureAwait(false);
        await Inner.WriteAsync(buffer, cancellationToken).ConfigureAwait(false);
        body.PassedOn(buffer.Length);
    }

    public override async Task FlushAsync(CancellationToken cancellationToken)
    {
        await body.ReleaseAsync().ConfigureAwait(false);
        await Inner.FlushAsync(cancellationToken).ConfigureAwait(false);
        body.PassedOn(0);
    }

    public override IAsyncResult BeginWrite(byte[] buffer, int offset, int count, AsyncCallback? callback, object? state) =>
        TaskToAsyncResult.Begin(WriteAsync(buffer, offset, count, CancellationToken.None), callback, state);

    public override void EndWrite(IAsyncResult asyncResult) => TaskToAsyncResult.End(asyncResult);

    private void Release(long bytes) => body.ReleaseAsync(bytes).AsTask().GetAwaiter().GetResult();
}
