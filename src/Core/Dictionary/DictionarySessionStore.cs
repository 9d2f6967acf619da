using System.Collections.Concurrent;
using System.Collections.Frozen;
using System.Collections.Immutable;

namespace WorkflowSessions;

/// <summary>A session that is a dictionary of the caller's: every change is visible in it at once, in the slots of <see cref="FlatKeyLayout"/>.</summary>
/// <remarks>
/// Values are kept by reference, whatever their type. Slots that are no workflow's are never touched. Not thread-safe, also on a
/// <see cref="ConcurrentDictionary{TKey, TValue}"/>: a change is the value's slot first and the stamp's slot second. An exception of the
/// dictionary reaches the caller; when one of the two writes fails, one attempt is made to undo the other.
/// </remarks>
public sealed class DictionarySessionStore : ISessionStore
{
    private static readonly SessionStoreCapabilities DictionaryCapabilities = new() { Listing = true, Completion = true };

    private readonly IDictionary<string, object?> _session;
    private readonly TimeProvider _timeProvider;

    /// <summary>Takes a dictionary as the session, without writing anything to it.</summary>
    /// <param name="session">The dictionary, which stays the caller's. Its keys must be compared ordinally.</param>
    /// <param name="timeProvider">The clock of the stamps; null for the system's.</param>
    /// <exception cref="ArgumentNullException"><paramref name="session"/> is null.</exception>
    /// <exception cref="ArgumentException">
    /// <paramref name="session"/> is a dictionary of the base class library whose comparer is not ordinal: two keys could share one slot.
    /// </exception>
    public DictionarySessionStore(IDictionary<string, object?> session, TimeProvider? timeProvider = null)
    {
        ArgumentNullException.ThrowIfNull(session);
        ThrowIfNotOrdinal(session);
        _session = session;
        _timeProvider = timeProvider ?? TimeProvider.System;
    }

    /// <inheritdoc />
    public SessionStoreCapabilities Capabilities => DictionaryCapabilities;

    /// <inheritdoc />
    public IWorkflowEntries Open(string workflowId) => new DictionaryWorkflowEntries(_session, workflowId, _timeProvider);

    /// <inheritdoc />
    public ValueTask<IReadOnlyList<WorkflowSummary>> ListAsync(CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        HashSet<string> ids = new(StringComparer.Ordinal);
        List<WorkflowSummary> workflows = [];
        foreach (string slot in _session.Keys)
        {
            if (FlatKeyLayout.TryParseEntryKey(slot, out string? id, out _) && ids.Add(id))
            {
                workflows.Add(new WorkflowSummary(id));
            }
        }

        return ValueTask.FromResult<IReadOnlyList<WorkflowSummary>>(workflows);
    }

    /// <inheritdoc />
    public ValueTask EndAsync(CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        HashSet<string> ids = new(StringComparer.Ordinal);
        foreach (string slot in _session.Keys)
        {
            // A receipt has a stamp, too.
            if (FlatKeyLayout.TryParseEntryKey(slot, out string? id, out _) || FlatKeyLayout.TryParseStampKey(slot, out id))
            {
                ids.Add(id);
            }
        }

        foreach (string id in ids)
        {
            Open(id).End();
        }

        return ValueTask.CompletedTask;
    }

    private static void ThrowIfNotOrdinal(IDictionary<string, object?> session)
    {
        object? comparer = session switch
        {
            Dictionary<string, object?> dictionary => dictionary.Comparer,
            ConcurrentDictionary<string, object?> dictionary => dictionary.Comparer,
            OrderedDictionary<string, object?> dictionary => dictionary.Comparer,
            SortedDictionary<string, object?> dictionary => dictionary.Comparer,
            SortedList<string, object?> dictionary => dictionary.Comparer,
            FrozenDictionary<string, object?> dictionary => dictionary.Comparer,
            ImmutableDictionary<string, object?> dictionary => dictionary.KeyComparer,
            ImmutableDictionary<string, object?>.Builder dictionary => dictionary.KeyComparer,
            ImmutableSortedDictionary<string, object?> dictionary => dictionary.KeyComparer,
            ImmutableSortedDictionary<string, object?>.Builder dictionary => dictionary.KeyComparer,
            _ => null,
        };
        if (comparer is null || IsOrdinal(comparer))
        {
            return;
        }

        throw new ArgumentException(
            $"The comparer of this {session.GetType().Name} is not ordinal, so that 'A' and 'a', or two ways to write one letter, could share "
                + "a slot. Create the dictionary with StringComparer.Ordinal.",
            nameof(session)
        );
    }

    private static bool IsOrdinal(object comparer) =>
        comparer is IEqualityComparer<string?> equality && StringComparer.IsWellKnownOrdinalComparer(equality, out bool ignoreCase)
            ? !ignoreCase
            : comparer switch
            {
                // The platform's own that are left compare by culture, and so does the default order of strings.
                StringComparer => false,
                _ when ReferenceEquals(comparer, Comparer<string>.Default) => false,
                // A comparer of the caller's is asked: letter case, and one letter composed and decomposed.
                IEqualityComparer<string> custom => !custom.Equals("A", "a") && !custom.Equals("\u00E9", "e\u0301"),
                _ => ((IComparer<string>)comparer).Compare("A", "a") != 0
                    && ((IComparer<string>)comparer).Compare("\u00E9", "e\u0301") != 0,
            };
}
