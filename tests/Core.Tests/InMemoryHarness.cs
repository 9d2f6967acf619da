using WorkflowSessions.Contracts;

namespace WorkflowSessions.Tests;

/// <summary>Sessions in the memory of this process.</summary>
internal sealed class InMemoryHarness : StoreHarness
{
    private readonly InMemorySessionStoreFactory _factory;

    public InMemoryHarness() => _factory = new InMemorySessionStoreFactory(new InMemorySessionStoreOptions { TimeProvider = Clock });

    public override SessionStoreCapabilities Promised { get; } =
        new()
        {
            AtomicCommit = true,
            VersionCheck = true,
            Listing = true,
            ExpiryPerWorkflow = true,
            Completion = true,
        };

    public override ISessionStore Open(string sessionId) => _factory.Open(sessionId);
}
