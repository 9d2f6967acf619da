using WorkflowSessions.Contracts;

namespace WorkflowSessions.Tests;

/// <summary>Sessions that are dictionaries, made by a function so that each kind of dictionary can be tried.</summary>
internal class DictionaryHarness(Func<IDictionary<string, object?>> create) : StoreHarness
{
    private readonly Dictionary<string, IDictionary<string, object?>> _sessions = new(StringComparer.Ordinal);

    public override SessionStoreCapabilities Promised { get; } = new() { Listing = true, Completion = true };

    public override bool IsBuffered => false;

    public override ISessionStore Open(string sessionId)
    {
        if (!_sessions.TryGetValue(sessionId, out IDictionary<string, object?>? session))
        {
            _sessions[sessionId] = session = create();
        }

        return new DictionarySessionStore(session, Clock);
    }
}
