using StackExchange.Redis;

namespace WorkflowSessions.Redis;

/// <summary>What shows that a server has what was stored.</summary>
/// <param name="Key">The key of the workflow.</param>
/// <param name="Field">The field that shows it.</param>
/// <param name="IsIn">Whether a value of the field shows it; null where the field is missing.</param>
/// <param name="Unused">A key in the same slot that never holds anything.</param>
internal sealed record StoredProof(RedisKey Key, RedisValue Field, Func<RedisValue, bool> IsIn, RedisKey Unused);
