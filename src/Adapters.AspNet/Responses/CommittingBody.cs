using System.IO.Pipelines;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace WorkflowSessions.AspNetCore;

/// <summary>The body of a response, which lets no byte out before the changes of the request are committed.</summary>
/// <remarks>
/// Bytes are kept until they are flushed. Then the request is committed, and they are passed on; or they are dropped, and whoever flushed gets the
/// exception. A callback that runs when the response starts would be too late: when it fails, the client gets an empty 500.
/// </remarks>
internal sealed class CommittingBody(IHttpResponseBodyFeature inner, RequestSession session, CommittingResponse response, bool isHead)
    : IHttpResponseBodyFeature,
        IDisposable
{
    private CommittingStream? _stream;
    private CommittingWriter? _writer;
    private bool _isCommitted;
    private long _passedOn;

    public IHttpResponseBodyFeature Inner => inner;

    public Stream Stream => _stream ??= new CommittingStream(this);

    public PipeWriter Writer => _writer ??= new CommittingWriter(this);

    /// <summary>Whether bytes are out of our hands, so that a failure can't replace them.</summary>
    public bool HasPassedOn => response.HasPassedOn;

    /// <summary>Whether bytes that are written now must wait for a flush, because they could still be dropped.</summary>
    public bool Holds => !HasPassedOn || (session.HasOpened && (!_isCommitted || HasNoBody || response.Headers.ContentLength is not null));

    public void DisableBuffering() => inner.DisableBuffering();

    public async Task StartAsync(CancellationToken cancellationToken = default)
    {
        await ReleaseAsync().ConfigureAwait(false);
        await inner.StartAsync(cancellationToken).ConfigureAwait(false);
        PassedOn(0);
    }

    public async Task SendFileAsync(string path, long offset, long? count, CancellationToken cancellationToken = default)
    {
        long bytes = count ?? (new FileInfo(path).Length - offset);
        await ReleaseAsync(bytes).ConfigureAwait(false);
        await inner.SendFileAsync(path, offset, count, cancellationToken).ConfigureAwait(false);
        PassedOn(bytes);
    }

    public async Task CompleteAsync()
    {
        await ReleaseAsync(long.MaxValue).ConfigureAwait(false);
        await inner.CompleteAsync().ConfigureAwait(false);
        PassedOn(long.MaxValue);
    }

    /// <summary>Commits, and then passes on what was written meanwhile. When the commit fails, what was written is dropped.</summary>
    /// <param name="bytes">How many bytes the caller passes on next; <see cref="long.MaxValue"/> when it completes the response.</param>
    public async ValueTask ReleaseAsync(long bytes = 0)
    {
        // The last byte commits as well: a failure after it could not be told any more.
        if (!_isCommitted || Completes(bytes))
        {
            await CommitAsync(startsNow: true).ConfigureAwait(false);
            _isCommitted = session.HasOpened;
        }

        if (_writer is not null)
        {
            await _writer.PassOnAsync().ConfigureAwait(false);
        }
    }

    /// <summary>The endpoint begins.</summary>
    public void BeginEndpoint() => response.RememberHeaders();

    /// <summary>Commits at the end of the endpoint, inside the error handlers of the application. Bytes are kept still.</summary>
    public ValueTask CommitAsync() => session.HasOpened ? CommitAsync(startsNow: !HasPassedOn) : ValueTask.CompletedTask;

    /// <summary>Commits what has changed since, and passes on what is left.</summary>
    public async ValueTask FinishAsync()
    {
        await CommitAsync(startsNow: true).ConfigureAwait(false);
        if (_writer is not null)
        {
            await _writer.PassOnAsync().ConfigureAwait(false);
        }
    }

    /// <summary>Drops what the failed run has set and written.</summary>
    public void Fail()
    {
        _writer?.Discard();
        _isCommitted = false;
        session.Fail();
    }

    /// <summary>Bytes were passed on: a failure can't take them back.</summary>
    public void PassedOn(long bytes)
    {
        response.HasPassedOn = true;
        _passedOn = bytes == long.MaxValue ? bytes : _passedOn + bytes;
        session.OnResponseStarted(isComplete: HasNoBody || _passedOn >= (response.Headers.ContentLength ?? long.MaxValue));
    }

    public void Dispose() => _writer?.Discard();

    private bool HasNoBody => isHead || response.StatusCode is StatusCodes.Status204NoContent or StatusCodes.Status304NotModified;

    private bool Completes(long bytes) =>
        HasNoBody || (response.Headers.ContentLength ?? long.MaxValue) - _passedOn - (_writer?.PendingBytes ?? 0) <= bytes;

    private async ValueTask CommitAsync(bool startsNow)
    {
        try
        {
            if (startsNow)
            {
                await response.RunCallbacksAsync().ConfigureAwait(false);
            }

            await session.CommitResponseAsync().ConfigureAwait(false);
        }
        catch
        {
            _writer?.Discard();
            throw;
        }
    }
}
