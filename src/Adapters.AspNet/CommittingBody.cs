using System.IO.Pipelines;
using Microsoft.AspNetCore.Http.Features;

namespace WorkflowSessions.AspNetCore;

/// <summary>The body of a response, which lets no byte out before the changes of the request are committed.</summary>
/// <remarks>
/// A callback that runs when the response starts would be too late: when it fails, the client gets an empty 500. As long as nothing has been opened
/// everything passes through.
/// </remarks>
internal sealed class CommittingBody(IHttpResponseBodyFeature inner, RequestSessions sessions, CommittingResponse? response)
    : IHttpResponseBodyFeature
{
    private CommittingStream? _stream;
    private CommittingWriter? _writer;
    private bool _committed;

    public IHttpResponseBodyFeature Inner => inner;

    public Stream Stream => _stream ??= new CommittingStream(this);

    public PipeWriter Writer => _writer ??= new CommittingWriter(this);

    /// <summary>Whether bytes may go out: everything is committed, or there is nothing to commit.</summary>
    public bool IsOpen => _committed || !(sessions.HasOpened || response is { HasCallbacks: true });

    public void DisableBuffering() => inner.DisableBuffering();

    public async Task StartAsync(CancellationToken cancellationToken = default)
    {
        await ReleaseAsync().ConfigureAwait(false);
        await inner.StartAsync(cancellationToken).ConfigureAwait(false);
    }

    public async Task SendFileAsync(string path, long offset, long? count, CancellationToken cancellationToken = default)
    {
        await ReleaseAsync().ConfigureAwait(false);
        await inner.SendFileAsync(path, offset, count, cancellationToken).ConfigureAwait(false);
    }

    public async Task CompleteAsync()
    {
        await ReleaseAsync().ConfigureAwait(false);
        await inner.CompleteAsync().ConfigureAwait(false);
    }

    /// <summary>Commits, and then passes on what was written meanwhile. What is not committed holds it back.</summary>
    public ValueTask ReleaseAsync() => IsOpen && _writer is null ? ValueTask.CompletedTask : CommitAndReleaseAsync(starts: true);

    /// <summary>Commits what has changed since, and passes on what is left.</summary>
    public ValueTask FinishAsync()
    {
        // Also what was changed after the first byte.
        _committed = false;
        return IsOpen && _writer is null ? ValueTask.CompletedTask : CommitAndReleaseAsync(_writer is { HasHeld: true });
    }

    private async ValueTask CommitAndReleaseAsync(bool starts)
    {
        if (!IsOpen)
        {
            if (starts && response is not null)
            {
                await response.RunCallbacksAsync().ConfigureAwait(false);
            }

            await sessions.CommitResponseAsync().ConfigureAwait(false);
            _committed = true;
        }

        if (_writer is not null)
        {
            await _writer.ReleaseAsync().ConfigureAwait(false);
        }
    }
}
