using StackExchange.Redis;

namespace WorkflowSessions.Redis;

/// <summary>
/// When the client tries again to connect: after 1, 2, 4 … seconds, and never later than the time that an attempt may take.
/// The client's default waits up to a minute after a long outage.
/// </summary>
internal sealed class ReconnectPolicy(int connectTimeout) : IReconnectRetryPolicy
{
    private const int First = 1_000;
    private const int MostDoublings = 10;

    public bool ShouldRetry(long currentRetryCount, int timeElapsedMillisecondsSinceLastRetry) =>
        timeElapsedMillisecondsSinceLastRetry >= Math.Min(connectTimeout, First << (int)Math.Min(currentRetryCount, MostDoublings));
}
