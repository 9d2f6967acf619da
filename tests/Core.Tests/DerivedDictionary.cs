namespace WorkflowSessions.Tests;

/// <summary>Not the plain type, whose members a derived class may hide.</summary>
public sealed class DerivedDictionary : Dictionary<string, object?>;
