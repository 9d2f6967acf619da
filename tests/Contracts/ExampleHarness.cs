namespace WorkflowSessions.Contracts;

/// <summary>Sessions of the example store, or of one that derives from it.</summary>
public sealed class ExampleHarness : StoreHarness
{
    private readonly Func<ExampleDatabase, string, BufferedSessionStoreOptions, BufferedSessionStore> _open;
    private readonly BufferedSessionStoreOptions _options;

    public ExampleHarness(Func<ExampleDatabase, string, BufferedSessionStoreOptions, BufferedSessionStore>? open = null)
    {
        _open = open ?? ((database, sessionId, options) => new ExampleSessionStore(database, sessionId, options));
        _options = new BufferedSessionStoreOptions { TimeProvider = Clock };
        Promised = Open("any").Capabilities;
    }

    public ExampleDatabase Database { get; } = new();

    public override SessionStoreCapabilities Promised { get; }

    // Its database takes any string.
    public override bool RefusesIllFormedIds => false;

    public override ISessionStore Open(string sessionId) => _open(Database, sessionId, _options);
}
