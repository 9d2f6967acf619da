using System.Globalization;
using System.Text;

namespace WorkflowSessions.Redis.Explorer;

/// <summary>A database of a real server, with a time that the explorer sets. Not thread-safe.</summary>
internal sealed class Server : IDisposable
{
    private const string LookScript = """
        redis.call('LSET', 'explorer:time', 0, ARGV[2])
        redis.call('LSET', 'explorer:time', 1, ARGV[3])
        local isIndex = redis.call('TYPE', ARGV[1]).ok == 'zset'
        local found = { redis.call('PTTL', ARGV[1]), isIndex and redis.call('ZRANGE', ARGV[1], 0, -1) or {} }
        for i = 4, #ARGV do
            local key = ARGV[1] .. ':' .. ARGV[i]
            found[#found + 1] = redis.call('HGETALL', key)
            found[#found + 1] = redis.call('PTTL', key)
        end
        return found
        """;

    // What real servers do by themselves as time goes by.
    private const string PassScript = """
        local time = tonumber(ARGV[2])
        local function pass(key)
            local left = redis.call('PTTL', key)
            if left >= 0 then
                redis.call('PEXPIRE', key, left - time)
            end
        end
        pass(ARGV[1])
        pass(ARGV[1] .. ':$session')
        for i = 3, #ARGV do
            pass(ARGV[1] .. ':' .. ARGV[i])
        end
        """;

    private static int _databases;

    private readonly byte[] _look;
    private readonly byte[] _pass;

    public Server(int port)
    {
        Connection = new ServerConnection(port);
        int database = Interlocked.Increment(ref _databases);
        if (Connection.Do("SELECT", database.ToString(CultureInfo.InvariantCulture)) is ServerError error)
        {
            throw new ScheduleException($"There are not enough databases: {error.Message}");
        }

        Scripts = new ServerScripts(Connection);
        _look = Encoding.ASCII.GetBytes(Scripts.Load(LookScript));
        _pass = Encoding.ASCII.GetBytes(Scripts.Load(PassScript));
    }

    public ServerConnection Connection { get; }

    public ServerScripts Scripts { get; }

    public void SetTime(DateTimeOffset now)
    {
        _ = Connection.DoBoth(
            [.. new[] { "DEL", ServerScripts.TimeKey }.Select(Encoding.ASCII.GetBytes)],
            [.. new[] { "RPUSH", ServerScripts.TimeKey }.Concat(TimeOf(now)).Select(Encoding.ASCII.GetBytes)]
        );
    }

    /// <summary>Everything that is stored of a session.</summary>
    public object? Look(string root, string[] workflows, DateTimeOffset now) => Connection.Do(LookCommand(root, workflows, now));

    /// <summary>Does a command, and looks at what is stored then. After that it is a certain time.</summary>
    public (object? Answer, object? State) DoAndLook(byte[][] command, string root, string[] workflows, DateTimeOffset now) =>
        Connection.DoBoth(command, LookCommand(root, workflows, now));

    public void Pass(string root, string[] workflows, TimeSpan time) =>
        Connection.Do(Command(_pass, [root, ((long)time.TotalMilliseconds).ToString(CultureInfo.InvariantCulture), .. workflows]));

    public void Delete(string root, string[] workflows) =>
        Connection.Do([.. new[] { "DEL", root, $"{root}:$session" }, .. workflows.Select(id => $"{root}:{id}")]);

    public void Dispose() => Connection.Dispose();

    private byte[][] LookCommand(string root, string[] workflows, DateTimeOffset now) =>
        Command(_look, [root, .. TimeOf(now), .. workflows]);

    /// <summary>Seconds and microseconds, as TIME answers them.</summary>
    private static string[] TimeOf(DateTimeOffset now)
    {
        long milliseconds = now.ToUnixTimeMilliseconds();
        return
        [
            (milliseconds / 1000).ToString(CultureInfo.InvariantCulture),
            (milliseconds % 1000 * 1000).ToString(CultureInfo.InvariantCulture),
        ];
    }

    private static byte[][] Command(byte[] script, string[] arguments) =>
        [Encoding.ASCII.GetBytes("EVALSHA"), script, Encoding.ASCII.GetBytes("0"), .. arguments.Select(Encoding.UTF8.GetBytes)];
}
