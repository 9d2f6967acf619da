using System.Globalization;
using System.Reflection;
using System.Text;
using StackExchange.Redis;

namespace WorkflowSessions.Redis.Explorer;

/// <summary>A database of the client library whose commands are messages in a <see cref="Network"/>. A command that no store has sent so far is not supported.</summary>
public class SimulatedDatabase : DispatchProxy
{
    private const string ReadTime = "read time";

    private Node _node = null!;

    internal static IDatabase Of(Node node)
    {
        IDatabase database = Create<IDatabase, SimulatedDatabase>();
        ((SimulatedDatabase)database)._node = node;
        return database;
    }

    /// <inheritdoc />
    protected override object? Invoke(MethodInfo? targetMethod, object?[]? args)
    {
        string name = targetMethod!.Name;
        return name switch
        {
            "HashGetAllAsync" => Send("load", Entries, "HGETALL", args![0]!),
            "HashGetAsync" when args![1] is RedisValue => Send("read metadata", Value, "HGET", args[0]!, args[1]!),
            "HashKeysAsync" => Send("read names", Values, "HKEYS", args![0]!),
            "KeyExistsAsync" when args![0] is RedisKey => Trivial("look for a key", answer => (long)answer! > 0, "EXISTS", args[0]!),
            "SortedSetRangeByRankAsync" => Send("read index", Values, "ZRANGE", args![0]!, 0, -1),
            "SortedSetLengthAsync" => Trivial("count index", Number, "ZCARD", args![0]!),
            "SortedSetScoreAsync" => Trivial("look into index", Score, "ZSCORE", args![0]!, args[1]!),
            "ScriptEvaluateAsync" when args![0] is byte[] hash => Evaluate(Convert.ToHexStringLower(hash), args),
            "ScriptEvaluateAsync" when args![0] is string text => Evaluate(_node.Network.Scripts.Remember(text), args),
            "PingAsync" => Task.FromResult(TimeSpan.Zero),
            _ => throw new NotSupportedException(
                $"The simulated network does not know {targetMethod}. Add it to {nameof(SimulatedDatabase)}."
            ),
        };
    }

    private static Task<T> Send<T>(string name, Func<object?, T> convert, string command, params object[] arguments) =>
        Network.Send(name, Words(command, arguments), convert, isWrite: false, isTrivial: false);

    private static Task<T> Trivial<T>(string name, Func<object?, T> convert, string command, params object[] arguments) =>
        Network.Send(name, Words(command, arguments), convert, isWrite: false, isTrivial: true);

    private Task<RedisResult> Evaluate(string hash, object?[] args)
    {
        if (_node.Network.Scripts.Find(hash) is not { } script)
        {
            return Task.FromException<RedisResult>(ClientErrors.Answered("NOSCRIPT No matching script. Please use EVAL."));
        }

        RedisKey[] keys = (RedisKey[]?)args[1] ?? [];
        RedisValue[] values = (RedisValue[]?)args[2] ?? [];
        object[] arguments = [script, keys.Length, .. keys.Cast<object>(), .. values.Cast<object>()];
        string name = NameOf(hash);
        bool isWrite = name != ReadTime;
        return Network.Send(name, Words("EVALSHA", arguments), Result, isWrite, isTrivial: !isWrite);
    }

    private static string NameOf(string hash)
    {
        return Is(RedisScript.Commit) ? "commit"
            : Is(RedisScript.Renew) ? "renewal"
            : Is(RedisScript.End) ? "end"
            : Is(RedisScript.Time) ? ReadTime
            : throw new NotSupportedException($"The simulated network does not know script {hash}. Add it to {nameof(SimulatedDatabase)}.");

        bool Is(RedisScript script) => hash == Convert.ToHexStringLower(script.Hash);
    }

    private static byte[][] Words(string command, object[] arguments) => [Encoding.ASCII.GetBytes(command), .. arguments.Select(Bytes)];

    private static byte[] Bytes(object argument) =>
        argument switch
        {
            RedisKey key => (byte[])key!,
            RedisValue value => (byte[]?)value ?? [],
            byte[] bytes => bytes,
            _ => Encoding.UTF8.GetBytes(Convert.ToString(argument, CultureInfo.InvariantCulture)!),
        };

    private static long Number(object? answer) => (long)answer!;

    private static RedisValue Value(object? answer) =>
        answer switch
        {
            null => RedisValue.Null,
            long number => number,
            string text => text,
            byte[] bytes => bytes,
            _ => throw new InvalidOperationException($"The server answered {answer}."),
        };

    private static RedisValue[] Values(object? answer) => [.. ((object?[])answer!).Select(Value)];

    private static HashEntry[] Entries(object? answer) => [.. Values(answer).Chunk(2).Select(pair => new HashEntry(pair[0], pair[1]))];

    private static double? Score(object? answer) =>
        answer is byte[] bytes ? double.Parse(bytes, NumberStyles.Float, CultureInfo.InvariantCulture) : null;

    private static RedisResult Result(object? answer) =>
        answer is object?[] items ? RedisResult.Create([.. items.Select(Result)]) : RedisResult.Create(Value(answer));
}
