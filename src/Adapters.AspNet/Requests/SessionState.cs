namespace WorkflowSessions.AspNetCore;

/// <summary>What is known of the session of a request.</summary>
internal enum SessionState
{
    /// <summary>The cookies of the request were not looked at yet.</summary>
    Unknown,

    /// <summary>A cookie names a session; the store has not verified its secret yet.</summary>
    Unproved,

    /// <summary>The secret was verified, or the session began in this request.</summary>
    Known,

    /// <summary>There is none. It begins with the first commit.</summary>
    New,

    /// <summary>The secret of the cookie was replaced a moment ago. The request sees nothing, and nothing can be stored.</summary>
    Stale,
}
