namespace WorkflowSessions;

/// <summary>Stands in for <see cref="System.Threading.Lock"/> in the sources of the core: a lock on any other object is a monitor, which Coyote knows.</summary>
internal sealed class Lock;
