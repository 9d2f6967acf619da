namespace WorkflowSessions.Redis.Explorer;

/// <summary>An error that the server answered.</summary>
internal sealed record ServerError(string Message);
