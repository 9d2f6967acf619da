using StackExchange.Redis;

namespace WorkflowSessions.Redis;

/// <summary>One call of a script, which may be sent more than once.</summary>
/// <param name="script">The script.</param>
/// <param name="keys">Its keys.</param>
/// <param name="arguments">Its arguments.</param>
/// <param name="operation">The end of the sentence that begins with the workflow: "could not be committed".</param>
/// <param name="workflowId">The id of the workflow; empty for all of the session.</param>
internal sealed class ScriptCall(RedisScript script, RedisKey[] keys, RedisValue[] arguments, string operation, string workflowId)
{
    public RedisScript Script => script;

    public RedisKey[] Keys => keys;

    /// <summary>The arguments. They may be replaced as a whole; the client may still hold the array of an earlier copy.</summary>
    public RedisValue[] Arguments { get; set; } = arguments;

    public string Operation => operation;

    public string WorkflowId => workflowId;

    /// <summary>Whether the server remembers it by a number, and answers copies as it answered the first.</summary>
    public bool IsNumbered => script == RedisScript.Commit;

    /// <summary>Whether a copy that was sent has no answer, and may have been executed or may still be.</summary>
    public bool MayBeExecuted { get; set; }
}
