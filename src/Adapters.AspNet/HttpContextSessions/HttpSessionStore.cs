using System.Globalization;
using System.Text;
using Microsoft.AspNetCore.Http;

namespace WorkflowSessions.AspNetCore;

/// <summary>The workflows of ASP.NET Core's own session, for applications that stay on <see cref="ISession"/>.</summary>
/// <remarks>
/// <para>
/// It inherits what that session is: one blob that each request loads and writes whole. Two requests that write at the same time lose one of the
/// two writes, whatever their workflows, and nothing expires alone; <see cref="Capabilities"/> say so. Loads and commits wait without blocking,
/// and a session that could not be loaded is an error, never an empty session.
/// </para>
/// <code>
/// slots    those of FlatKeyLayout: workflow_{id}_{key} and __{id}_last_modified
/// values   as on every store that keeps bytes; the stamp is a double, Unix seconds
/// </code>
/// <para>Not thread-safe: it belongs to one request.</para>
/// </remarks>
public sealed class HttpSessionStore : BufferedSessionStore
{
    // The session does not keep generations: a workflow that is there is the one that was loaded.
    private const long Generation = 1;
    private const byte DoubleKind = (byte)'d';

    private static readonly SessionStoreCapabilities HttpSessionCapabilities = new() { Listing = true };

    private readonly ISession _session;
    private readonly TimeProvider _clock;

    /// <summary>Keeps workflows in a session.</summary>
    /// <param name="session">The session of the request, <c>HttpContext.Session</c>.</param>
    /// <param name="options">The options; null for the defaults. Timeouts have no effect: the session as a whole has one.</param>
    /// <exception cref="ArgumentNullException"><paramref name="session"/> is null.</exception>
    /// <exception cref="ArgumentException">An option is out of range.</exception>
    public HttpSessionStore(ISession session, BufferedSessionStoreOptions? options = null)
        : this(session, Checked(options)) { }

    private HttpSessionStore(ISession session, (BufferedSessionStoreOptions Options, TimeProvider Clock) options)
        : base(options.Options)
    {
        ArgumentNullException.ThrowIfNull(session);
        _session = session;
        _clock = options.Clock;
    }

    /// <inheritdoc />
    public override SessionStoreCapabilities Capabilities => HttpSessionCapabilities;

    /// <inheritdoc />
    protected override async ValueTask<WorkflowRecord?> LoadWorkflowAsync(string workflowId, CancellationToken cancellationToken)
    {
        await LoadSessionAsync(workflowId, cancellationToken).ConfigureAwait(false);
        return Read(workflowId);
    }

    /// <inheritdoc />
    protected override async ValueTask<CommitResult> CommitWorkflowAsync(WorkflowCommit commit, CancellationToken cancellationToken)
    {
        await LoadSessionAsync(commit.WorkflowId, cancellationToken).ConfigureAwait(false);
        WorkflowRecord? stored = Read(commit.WorkflowId);
        CommitResult result = commit.Apply(stored, _clock.GetUtcNow(), out WorkflowRecord? next);
        if (result.Outcome != CommitOutcome.Stored)
        {
            return result;
        }

        foreach (string key in stored?.Entries.Keys ?? [])
        {
            if (next?.Entries.ContainsKey(key) != true)
            {
                _session.Remove(FlatKeyLayout.EntryPrefix(commit.WorkflowId) + key);
            }
        }

        if (next is null)
        {
            _session.Remove(FlatKeyLayout.StampKey(commit.WorkflowId));
        }
        else if (!ReferenceEquals(next, stored))
        {
            foreach ((string key, WorkflowEntry entry) in commit.Sets)
            {
                _session.Set(FlatKeyLayout.EntryKey(commit.WorkflowId, key), entry.Encoded.ToArray());
            }

            _session.Set(FlatKeyLayout.StampKey(commit.WorkflowId), Stamp(next.LastModified));
        }

        await _session.CommitAsync(CancellationToken.None).ConfigureAwait(false);
        return next is null ? CommitResult.Removed : CommitResult.Stored(Generation, version: 1, expiresAt: null);
    }

    /// <inheritdoc />
    protected override async ValueTask<IReadOnlyList<WorkflowSummary>> ListWorkflowsAsync(CancellationToken cancellationToken)
    {
        await LoadSessionAsync("", cancellationToken).ConfigureAwait(false);
        return
        [
            .. _session
                .Keys.Select(slot => FlatKeyLayout.TryParseEntryKey(slot, out string? id, out _) ? id : null)
                .OfType<string>()
                .Distinct(StringComparer.Ordinal)
                .Select(id => new WorkflowSummary(id, expiresAt: null)),
        ];
    }

    /// <inheritdoc />
    protected override async ValueTask EndWorkflowsAsync(CancellationToken cancellationToken)
    {
        await LoadSessionAsync("", cancellationToken).ConfigureAwait(false);
        foreach (string slot in _session.Keys.ToList())
        {
            if (FlatKeyLayout.TryParseEntryKey(slot, out _, out _) || FlatKeyLayout.TryParseStampKey(slot, out _))
            {
                _session.Remove(slot);
            }
        }

        await _session.CommitAsync(CancellationToken.None).ConfigureAwait(false);
    }

    private async Task LoadSessionAsync(string workflowId, CancellationToken cancellationToken)
    {
        await _session.LoadAsync(cancellationToken).ConfigureAwait(false);
        if (!_session.IsAvailable)
        {
            throw new SessionStoreException(
                "The session could not be loaded from its store, so nothing in it can be read or changed in this request.",
                workflowId,
                mayBeStored: false
            );
        }
    }

    private WorkflowRecord? Read(string workflowId)
    {
        string prefix = FlatKeyLayout.EntryPrefix(workflowId);
        Dictionary<string, WorkflowEntry> entries = new(StringComparer.Ordinal);
        foreach (string slot in _session.Keys)
        {
            if (slot.StartsWith(prefix, StringComparison.Ordinal) && _session.TryGetValue(slot, out byte[]? value))
            {
                entries[slot[prefix.Length..]] = new WorkflowEntry(value);
            }
        }

        DateTimeOffset? stamp = _session.TryGetValue(FlatKeyLayout.StampKey(workflowId), out byte[]? stored) ? ReadStamp(stored) : null;
        return entries.Count == 0 && stamp is null
            ? null
            : new WorkflowRecord(entries, Generation, version: 1, stamp ?? DateTimeOffset.UnixEpoch, deadline: null, expiresAt: null);
    }

    private static byte[] Stamp(DateTimeOffset time) =>
        Encoding.ASCII.GetBytes(
            string.Create(CultureInfo.InvariantCulture, $"{(char)DoubleKind}{(time - DateTimeOffset.UnixEpoch).TotalSeconds:R}")
        );

    private static DateTimeOffset? ReadStamp(byte[] stored) =>
        stored is [DoubleKind, ..]
        && double.TryParse(stored.AsSpan(1), NumberStyles.Float, CultureInfo.InvariantCulture, out double seconds)
        // What a DateTimeOffset can hold.
        && seconds is >= -62_135_596_800 and < 253_402_300_800
            ? DateTimeOffset.UnixEpoch.AddSeconds(seconds)
            : null;

    private static (BufferedSessionStoreOptions, TimeProvider) Checked(BufferedSessionStoreOptions? options)
    {
        options ??= new BufferedSessionStoreOptions();
        options.ThrowIfInvalid(nameof(options));
        return (options, options.TimeProvider);
    }
}
