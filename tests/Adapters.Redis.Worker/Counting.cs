namespace WorkflowSessions.Redis.Worker;

/// <summary>Many writers that count one key of one workflow up.</summary>
public static class Counting
{
    /// <summary>Longer than any writer has to wait for its turn.</summary>
    public static TimeSpan UpdateTimeout { get; } = TimeSpan.FromMinutes(3);

    /// <summary>Options with which a slow machine fails no commit.</summary>
    public static RedisSessionStoreOptions Options(string prefix) =>
        new()
        {
            KeyPrefix = prefix,
            CommandTimeout = TimeSpan.FromSeconds(50),
            UpdateTimeout = UpdateTimeout,
        };

    public static Task IncrementAsync(ISessionStoreFactory sessions, string sessionId, int writers, int times) =>
        Task.WhenAll(
            Enumerable
                .Range(0, writers)
                .Select(_ =>
                    Task.Run(async () =>
                    {
                        for (int i = 0; i < times; i++)
                        {
                            WorkflowSession counter = new(sessions.Open(sessionId), "checkout");
                            await counter.UpdateAsync(w => w.Set("n", w.Get("n", 0) + 1));
                        }
                    })
                )
        );
}
