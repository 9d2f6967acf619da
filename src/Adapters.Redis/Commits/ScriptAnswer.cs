using StackExchange.Redis;

namespace WorkflowSessions.Redis;

/// <summary>Reads the beginning of an answer: seconds and microseconds of the server, and the outcome unless it is the one that the node expects.</summary>
internal static class ScriptAnswer
{
    private const int OutcomeIndex = 2;

    /// <summary>The time of the server in Unix milliseconds.</summary>
    public static long Time(RedisResult[] answer) => (1000 * (long)answer[0]) + ((long)answer[1] / 1000);

    public static Answer Outcome(RedisResult[] answer) =>
        answer.Length == OutcomeIndex ? Answer.AsExpected : (Answer)(int)answer[OutcomeIndex];
}
