using System.Globalization;

namespace WorkflowSessions.Contracts;

/// <summary>
/// A real cluster on free ports of this machine: three masters that share the slots, with a replica each. It is ended by who started it. It needs a
/// redis-server or valkey-server; in containers its nodes would not find each other.
/// </summary>
public sealed class RedisCluster : IDisposable
{
    private const int Slots = 16_384;
    private const int MasterCount = 3;

    private readonly List<RedisServer> _nodes = [];

    private RedisCluster() { }

    /// <summary>The masters as they were at the start.</summary>
    public IReadOnlyList<RedisServer> Masters => _nodes[..MasterCount];

    /// <summary>The replicas as they were at the start, in the order of their masters.</summary>
    public IReadOnlyList<RedisServer> Replicas => _nodes[MasterCount..];

    /// <summary>The addresses of all nodes, for the configuration of a client.</summary>
    public string Addresses => string.Join(',', _nodes.Select(node => node.Address));

    /// <summary>Starts a cluster, and returns when it is whole.</summary>
    /// <param name="nodeTimeout">After how long without an answer a node counts as failed.</param>
    /// <param name="arguments">More arguments of the nodes.</param>
    public static async Task<RedisCluster> StartAsync(TimeSpan nodeTimeout, params string[] arguments)
    {
        RedisCluster cluster = new();
        try
        {
            for (int i = 0; i < 2 * MasterCount; i++)
            {
                string[] options =
                [
                    .. new[] { "--cluster-enabled", "yes", "--repl-diskless-sync-delay", "0" },
                    .. new[] { "--cluster-node-timeout", Text((int)nodeTimeout.TotalMilliseconds) },
                    .. arguments,
                ];
                cluster._nodes.Add(await RedisServer.StartAsync(options));
            }

            await cluster.JoinAsync();
            return cluster;
        }
        catch
        {
            cluster.Dispose();
            throw;
        }
    }

    /// <summary>The slot of a key.</summary>
    public async Task<int> SlotAsync(string key) => (int)(long)(await Masters[0].DoAsync("CLUSTER", "KEYSLOT", key))!;

    /// <summary>The node that serves a slot, as the first of the running nodes knows it.</summary>
    public async Task<RedisServer> OwnerAsync(int slot)
    {
        object?[] ranges = (object?[])(await _nodes.First(node => node.IsRunning).DoAsync("CLUSTER", "SLOTS"))!;
        // First and last slot, the master as address and port, the replicas.
        object?[] range = ranges.Cast<object?[]>().Single(range => (long)range[0]! <= slot && slot <= (long)range[1]!);
        long port = (long)((object?[])range[2]!)[1]!;
        return _nodes.Single(node => node.Port == port);
    }

    /// <summary>Moves a slot to another master key by key, as redis-cli does it.</summary>
    /// <param name="slot">The slot.</param>
    /// <param name="target">The master that it goes to.</param>
    /// <param name="pause">How long the slot stays after each step as it then is: on the move, and its keys partly here and partly there.</param>
    /// <returns>How many keys were moved.</returns>
    public async Task<int> MigrateAsync(int slot, RedisServer target, TimeSpan pause)
    {
        RedisServer source = await OwnerAsync(slot);
        await target.DoAsync("CLUSTER", "SETSLOT", Text(slot), "IMPORTING", await IdAsync(source));
        await source.DoAsync("CLUSTER", "SETSLOT", Text(slot), "MIGRATING", await IdAsync(target));
        int moved = 0;
        while (true)
        {
            await Task.Delay(pause);
            string[] keys = [.. ((object?[])(await source.DoAsync("CLUSTER", "GETKEYSINSLOT", Text(slot), "1"))!).Cast<string>()];
            if (keys.Length == 0)
            {
                break;
            }

            await source.DoAsync(["MIGRATE", "127.0.0.1", Text(target.Port), "", "0", "60000", "KEYS", .. keys]);
            moved += keys.Length;
        }

        // The target first: there must always be one who serves it.
        foreach (RedisServer master in Masters.OrderByDescending(master => master == target))
        {
            await master.DoAsync("CLUSTER", "SETSLOT", Text(slot), "NODE", await IdAsync(target));
        }

        return moved;
    }

    /// <summary>Returns when all running nodes see the cluster as working, and all running replicas have what their masters have.</summary>
    public Task WholeAsync() => UntilAsync(IsWholeAsync);

    public void Dispose()
    {
        foreach (RedisServer node in _nodes)
        {
            node.Dispose();
        }
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    private static async Task<string> IdAsync(RedisServer node) => (string)(await node.DoAsync("CLUSTER", "MYID"))!;

    private static async Task<bool> SaysAsync(RedisServer node, string text, params string[] command) =>
        ((string)(await node.DoAsync(command))!).Contains(text, StringComparison.Ordinal);

    private static async Task UntilAsync(Func<Task<bool>> condition)
    {
        using CancellationTokenSource limit = new(TimeSpan.FromMinutes(3));
        while (!await condition())
        {
            await Task.Delay(20, limit.Token);
        }
    }

    private async Task JoinAsync()
    {
        for (int i = 0; i < _nodes.Count; i++)
        {
            // Epochs of their own: nobody has to settle them later.
            await _nodes[i].DoAsync("CLUSTER", "SET-CONFIG-EPOCH", Text(i + 1));
            await _nodes[0].DoAsync("CLUSTER", "MEET", "127.0.0.1", Text(_nodes[i].Port));
        }

        for (int i = 0; i < MasterCount; i++)
        {
            int first = i * Slots / MasterCount;
            int end = (i + 1) * Slots / MasterCount;
            await Masters[i].DoAsync(["CLUSTER", "ADDSLOTS", .. Enumerable.Range(first, end - first).Select(Text)]);
        }

        string known = $"cluster_known_nodes:{_nodes.Count}\r";
        foreach (RedisServer node in _nodes)
        {
            await UntilAsync(() => SaysAsync(node, known, "CLUSTER", "INFO"));
            await UntilAsync(() => SaysAsync(node, "cluster_state:ok", "CLUSTER", "INFO"));
        }

        for (int i = 0; i < MasterCount; i++)
        {
            await Replicas[i].DoAsync("CLUSTER", "REPLICATE", await IdAsync(Masters[i]));
        }

        await WholeAsync();
    }

    private async Task<bool> IsWholeAsync()
    {
        int replicas = 0;
        foreach (RedisServer node in _nodes.Where(node => node.IsRunning))
        {
            string nodes = (string)(await node.DoAsync("CLUSTER", "NODES"))!;
            bool replica = await SaysAsync(node, "role:slave", "INFO", "replication");
            replicas += replica ? 1 : 0;
            if (
                !await SaysAsync(node, "cluster_state:ok", "CLUSTER", "INFO")
                || nodes.Split('\n').Count(line => line.Contains("slave ", StringComparison.Ordinal)) != MasterCount
                || !await SaysAsync(node, replica ? "master_link_status:up" : "state=online", "INFO", "replication")
            )
            {
                return false;
            }
        }

        return replicas == MasterCount;
    }
}
