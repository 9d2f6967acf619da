namespace WorkflowSessions.Redis.Explorer;

/// <summary>The explorer itself can't go on. It is no finding about the store.</summary>
public sealed class ScheduleException(string message) : Exception(message);
