namespace WorkflowSessions.Tests;

public sealed class OrdinalSortedDictionary() : SortedDictionary<string, object?>(StringComparer.Ordinal);
