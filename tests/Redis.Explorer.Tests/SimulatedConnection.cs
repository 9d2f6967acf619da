using System.Reflection;
using StackExchange.Redis;

namespace WorkflowSessions.Redis.Explorer;

/// <summary>A connection that is always connected. What breaks is decided message by message.</summary>
public class SimulatedConnection : DispatchProxy
{
    private IDatabase _database = null!;

    internal static IConnectionMultiplexer Of(Node node)
    {
        IConnectionMultiplexer connection = Create<IConnectionMultiplexer, SimulatedConnection>();
        ((SimulatedConnection)connection)._database = SimulatedDatabase.Of(node);
        return connection;
    }

    /// <inheritdoc />
    protected override object? Invoke(MethodInfo? targetMethod, object?[]? args) =>
        targetMethod!.Name switch
        {
            "get_IsConnected" => true,
            // The client's own timeout is that of the store, so that no wait needs a timer of its own.
            "get_Configuration" => "127.0.0.1:6379,asyncTimeout=5000",
            "get_TimeoutMilliseconds" => 5_000,
            "GetDatabase" => _database,
            "ConfigureAsync" => Task.FromResult(true),
            "add_ConnectionFailed" or "remove_ConnectionFailed" => null,
            _ => throw new NotSupportedException(
                $"The simulated network does not know {targetMethod}. Add it to {nameof(SimulatedConnection)}."
            ),
        };
}
