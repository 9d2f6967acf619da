namespace WorkflowSessions.ReflectionFree;

internal sealed record Line(string Name, int Count);
