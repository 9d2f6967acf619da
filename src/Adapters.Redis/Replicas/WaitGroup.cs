using System.Globalization;
using StackExchange.Redis;

namespace WorkflowSessions.Redis;

/// <summary>
/// Asks one server whether its replicas have received what it has. All who come while a WAIT is on its way share the next one. Thread-safe.
/// </summary>
internal sealed class WaitGroup(IServer server, int database, int replicas)
{
    /// <summary>A longer WAIT would keep those who come meanwhile, and the client's own commands, from their answer.</summary>
    public const int LongestWaitMilliseconds = 500;

    // WAIT counts from the last write of its own connection: since Redis 7.2 and in Valkey, a command that changes nothing does not count.
    private const string Write = "redis.call('HSET', KEYS[1], 'x', '') return redis.call('DEL', KEYS[1])";

    /// <summary>What is said when the server lacks what was stored.</summary>
    public const string NotThere = "The server that is the master now does not have it. Load the workflow, and commit again.";

    private readonly Lock _lock = new();
    private List<Member> _gathering = [];
    private bool _isRunning;

    /// <summary>Waits until the replicas have received what a proof shows.</summary>
    /// <returns>Null when they have; otherwise why that is not known, and what to do.</returns>
    public Task<string?> JoinAsync(StoredProof proof)
    {
        Member member = new(proof);
        bool begins;
        lock (_lock)
        {
            _gathering.Add(member);
            begins = !_isRunning;
            _isRunning = true;
        }

        if (begins)
        {
            _ = RunAsync();
        }

        return member.Completion.Task;
    }

    private async Task RunAsync()
    {
        while (true)
        {
            List<Member> group;
            lock (_lock)
            {
                group = _gathering;
                _gathering = [];
                _isRunning = group.Count > 0;
            }

            if (group.Count == 0)
            {
                return;
            }

            try
            {
                await AskAsync(group).ConfigureAwait(false);
            }
            catch (Exception error)
            {
                group.ForEach(member => member.Completion.TrySetException(error));
            }
        }
    }

    /// <summary>Sends all in one go: the commands are executed in this order.</summary>
    private async Task AskAsync(List<Member> group)
    {
        // A connection that replaces another has a name of its own. Its WAIT would count from nothing, and succeed at once.
        string name = $"workflowsessions-wait-{Guid.NewGuid():N}";
        Task<RedisResult> naming = SendAsync("CLIENT", "SETNAME", name);
        Task<RedisResult>[] reading = [.. group.Select(member => SendAsync("HGET", member.Proof.Key, member.Proof.Field))];
        Task<RedisResult> writing = SendAsync("EVAL", Write, 1, group[0].Proof.Unused);
        Task<RedisResult> waiting = SendAsync("WAIT", replicas, LongestWaitMilliseconds);
        Task<RedisResult> asking = SendAsync("CLIENT", "GETNAME");
        await Task.WhenAll(naming, writing, waiting, asking).ConfigureAwait(false);
        bool isSame = name.Equals((string?)await asking.ConfigureAwait(false), StringComparison.Ordinal);
        long received = (long)await waiting.ConfigureAwait(false);
        string? problem =
            !isSame ? "The connection broke meanwhile. Commit again."
            : received < replicas
                ? string.Create(
                    CultureInfo.InvariantCulture,
                    $"The number of replicas that have it is {received}. Check that the replicas run and follow their master, and commit again."
                )
            : null;
        foreach ((Member member, Task<RedisResult> field) in group.Zip(reading))
        {
            try
            {
                RedisValue value = (RedisValue)await field.ConfigureAwait(false);
                member.Completion.TrySetResult(member.Proof.IsIn(value) ? problem : NotThere);
            }
            catch (Exception error) when (RedisErrors.IsRedisError(error))
            {
                member.Completion.TrySetException(error);
            }
        }
    }

    private Task<RedisResult> SendAsync(string command, params object[] arguments) =>
#if REDIS_CLIENT_1
        throw new NotSupportedException($"{command} {arguments.Length} {server} {database}");
#else
        // Another server would answer for itself.
        server.ExecuteAsync(database, command, arguments, CommandFlags.NoRedirect);
#endif

    private sealed record Member(StoredProof Proof)
    {
        public TaskCompletionSource<string?> Completion { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
