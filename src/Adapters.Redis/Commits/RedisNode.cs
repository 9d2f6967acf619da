using System.Security.Cryptography;

namespace WorkflowSessions.Redis;

/// <summary>What all sessions of one factory share. Thread-safe.</summary>
internal sealed class RedisNode : IDisposable
{
    private const string Letters = "abcdefghijklmnopqrstuvwxyz";

    private long _lastNumber;

    /// <exception cref="ArgumentException">An option needs more of the connection than it has.</exception>
    public RedisNode(RedisConnection connection, RedisSessionStoreOptions options)
    {
        Calls = new RedisCalls(connection, options);
        Replicas = options.WaitForReplicas > 0 ? new ReplicaWait(connection, Calls, options) : null;
    }

    /// <summary>Tells this node from others that commit to the same workflow: 30 random bits, and a letter first, so that no script reads it as a number.</summary>
    public string Name { get; } = RandomNumberGenerator.GetString(Letters, 1) + RandomNumberGenerator.GetString($"{Letters}0123456789", 5);

    public RedisCalls Calls { get; }

    /// <summary>Null where commits do not wait for replicas.</summary>
    public ReplicaWait? Replicas { get; }

    public CommitQueue Commits { get; } = new();

    /// <summary>The number of the next commit: 1 for the first. Take it when the commit has its turn.</summary>
    public long NextNumber() => Interlocked.Increment(ref _lastNumber);

    public void Dispose() => Replicas?.Dispose();
}
