using System.Globalization;
using System.Text;
using StackExchange.Redis;
using WorkflowSessions.Contracts;

namespace WorkflowSessions.Benchmarks;

/// <summary>
/// What other commands and other layouts would cost with 64 in flight: bare commands, without a rule of ours and without decoding what comes. Besides the
/// rates, the processor time of both sides, which varies less than they do.
/// </summary>
internal static class RedisLayouts
{
    private const int Sessions = 128;
    private const int InFlight = 64;
    private const int Batch = 8;
    private const int Rounds = 4;
    private static readonly TimeSpan Round = TimeSpan.FromSeconds(0.6);

    // A packed workflow: two bytes of length before each key and each value.
    private const string ReplaceInPacked = """
        local meta, packed = unpack(redis.call('HMGET', KEYS[1], '#', '*'))
        local at, found = 1, false
        while at <= #packed do
            local key, after = struct.unpack('>Hc0', packed, at)
            local value, next = struct.unpack('>Hc0', packed, after)
            if key == ARGV[2] then
                packed = string.sub(packed, 1, after - 1) .. struct.pack('>Hc0', #ARGV[3], ARGV[3]) .. string.sub(packed, next)
                found = true
                break
            end
            at = next
        end
        redis.call('HSET', KEYS[1], '#', ARGV[1], '*', packed)
        return 1
        """;

    // A log of changes in a string, behind metadata of a fixed length.
    private const string AppendToLog = """
        redis.call('GETRANGE', KEYS[1], 0, 63)
        redis.call('SETRANGE', KEYS[1], 0, ARGV[1])
        return redis.call('APPEND', KEYS[1], struct.pack('>Hc0', #ARGV[2], ARGV[2]) .. struct.pack('>Hc0', #ARGV[3], ARGV[3]))
        """;

    private const string Meta = "1234567890123456789 1 1767323045000 0 0123456789ab:17:17";

    public static async Task RunAsync()
    {
        using RedisServer server = await RedisServer.StartAsync();
        await using ConnectionMultiplexer connection = await ConnectionMultiplexer.ConnectAsync($"{server.Address},allowAdmin=true");
        IDatabase database = connection.GetDatabase();
        Console.WriteLine("| workflow | commands | /s | client µs | server µs |");
        Console.WriteLine("|---|---|---:|---:|---:|");
        foreach ((int entries, int size) in new[] { (5, 60), (20, 40), (20, 150) })
        {
            await FillAsync(database, entries, size);
            (string Name, Func<int, Task> Action)[] variants = [.. Reads(database), .. Writes(database, new string('y', size))];
            RedisLoad[] best = new RedisLoad[variants.Length];
            for (int round = 0; round < Rounds; round++)
            {
                for (int i = 0; i < variants.Length; i++)
                {
                    int times = variants[i].Name.StartsWith("8 ", StringComparison.Ordinal) ? Batch : 1;
                    RedisLoad one = await RedisLoad.MeasureAsync(connection, variants[i].Action, InFlight, Sessions, Round);
                    one = new RedisLoad(one.Rate * times, one.Client / times, one.Server / times);
                    best[i] = round > 0 && best[i].Rate > one.Rate ? best[i] : one;
                }
            }

            for (int i = 0; i < variants.Length; i++)
            {
                Console.WriteLine(
                    string.Create(
                        CultureInfo.InvariantCulture,
                        $"| {entries} × {size} B | {variants[i].Name} | {best[i].Rate:N0} | {best[i].Client:0.0} | {best[i].Server:0.0} |"
                    )
                );
            }
        }
    }

    private static IEnumerable<(string, Func<int, Task>)> Reads(IDatabase database)
    {
        yield return ("HGETALL, PTTL", i => Both(database.HashGetAllAsync(Hash(i)), database.ExecuteAsync("PTTL", [Hash(i)])));
        yield return ("HGETALL, PTTL by KeyTimeToLive", i => Both(database.HashGetAllAsync(Hash(i)), database.KeyTimeToLiveAsync(Hash(i))));
        yield return ("HGETALL alone", i => database.HashGetAllAsync(Hash(i)));
        yield return (
            "one script of both",
            i => database.ScriptEvaluateAsync("return {redis.call('HGETALL', KEYS[1]), redis.call('PTTL', KEYS[1])}", [Hash(i)])
        );
        yield return (
            "one script of both, packed",
            i =>
                database.ScriptEvaluateAsync("return cmsgpack.pack(redis.call('HGETALL', KEYS[1]), redis.call('PTTL', KEYS[1]))", [Hash(i)])
        );
        yield return (
            $"{Batch} loads in one script",
            i =>
                database.ScriptEvaluateAsync(
                    "local all = {} for i = 1, #KEYS do all[i] = {redis.call('HGETALL', KEYS[i]), redis.call('PTTL', KEYS[i])} end return all",
                    [.. Enumerable.Range(i, Batch).Select(Hash)]
                )
        );
        yield return ("DUMP, PTTL", i => Both(database.KeyDumpAsync(Hash(i)), database.ExecuteAsync("PTTL", [Hash(i)])));
        yield return (
            "packed in a field: HMGET, PTTL",
            i => Both(database.HashGetAsync(Packed(i), ["#", "*"]), database.ExecuteAsync("PTTL", [Packed(i)]))
        );
        yield return ("packed in a string: GET, PTTL", i => Both(database.StringGetAsync(Log(i)), database.ExecuteAsync("PTTL", [Log(i)])));
    }

    private static IEnumerable<(string, Func<int, Task>)> Writes(IDatabase database, string value)
    {
        RedisValue[] arguments = [Meta, ".field1", value];
        yield return ("HSET alone", i => database.HashSetAsync(Hash(i), [new HashEntry("#", Meta), new HashEntry(".field1", value)]));
        yield return (
            "script of HGET, HSET",
            i =>
                database.ScriptEvaluateAsync(
                    "redis.call('HGET', KEYS[1], '#') redis.call('HSET', KEYS[1], '#', ARGV[1], ARGV[2], ARGV[3]) return 1",
                    [Hash(i)],
                    arguments
                )
        );
        yield return (
            "script of HGET, PTTL, HSET",
            i =>
                database.ScriptEvaluateAsync(
                    "redis.call('HGET', KEYS[1], '#') redis.call('PTTL', KEYS[1]) redis.call('HSET', KEYS[1], '#', ARGV[1], ARGV[2], ARGV[3]) return 1",
                    [Hash(i)],
                    arguments
                )
        );
        yield return (
            "packed in a field: script that replaces",
            i => database.ScriptEvaluateAsync(ReplaceInPacked, [Packed(i)], arguments)
        );
        // Each adds to the same log, which is what a log does; it would have to be compacted.
        yield return (
            "log in a string: script that appends",
            i => database.ScriptEvaluateAsync(AppendToLog, [Log(i + Sessions)], arguments)
        );
    }

    private static async Task FillAsync(IDatabase database, int entries, int size)
    {
        await database.ExecuteAsync("FLUSHALL");
        for (int i = 0; i < 2 * Sessions; i++)
        {
            using MemoryStream packed = new();
            HashEntry[] fields = [.. Enumerable.Range(0, entries).Select(entry => new HashEntry($".field{entry}", new string('x', size)))];
            foreach (HashEntry field in fields)
            {
                foreach (RedisValue part in new[] { field.Name, field.Value })
                {
                    byte[] bytes = Encoding.UTF8.GetBytes((string)part!);
                    packed.Write([(byte)(bytes.Length / 256), (byte)(bytes.Length % 256), .. bytes]);
                }
            }

            await database.HashSetAsync(Hash(i), [.. fields, new HashEntry("#", Meta)]);
            await database.HashSetAsync(Packed(i), [new HashEntry("#", Meta), new HashEntry("*", packed.ToArray())]);
            await database.StringSetAsync(Log(i), Encoding.UTF8.GetBytes(Meta.PadRight(64)).Concat(packed.ToArray()).ToArray());
            foreach (RedisKey key in new[] { Hash(i), Packed(i), Log(i) })
            {
                await database.KeyExpireAsync(key, TimeSpan.FromMinutes(20));
            }
        }
    }

    private static async Task Both(Task first, Task second)
    {
        await first.ConfigureAwait(false);
        await second.ConfigureAwait(false);
    }

    private static RedisKey Hash(int i) => string.Create(CultureInfo.InvariantCulture, $"hash:{i}");

    private static RedisKey Packed(int i) => string.Create(CultureInfo.InvariantCulture, $"packed:{i}");

    private static RedisKey Log(int i) => string.Create(CultureInfo.InvariantCulture, $"log:{i}");
}
