namespace WorkflowSessions;

/// <summary>Opens the sessions of a store that keeps many. Thread-safe; lives as long as the application.</summary>
public interface ISessionStoreFactory
{
    /// <summary>Opens one session, for one request, without input or output.</summary>
    /// <param name="sessionId">The id of the session, compared ordinally. Whoever knows it can read the session: make it random and keep it secret.</param>
    /// <exception cref="ArgumentException"><paramref name="sessionId"/> is null, empty or has a lone surrogate.</exception>
    BufferedSessionStore Open(string sessionId);
}
