using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text;

namespace WorkflowSessions.Redis.Explorer;

/// <summary>
/// The scripts of the store as the server has them: they ask a list for the time, in place of the server's clock, so that the scheduler can let time
/// pass. Each explorer has a database, and so a time, of its own.
/// </summary>
internal sealed class ServerScripts(ServerConnection server)
{
    public const string TimeKey = "explorer:time";

    // From the hash that the store knows to the text that the server runs.
    private static readonly ConcurrentDictionary<string, string> Texts = new(StringComparer.Ordinal);

    private readonly Dictionary<string, string> _loaded = new(StringComparer.Ordinal);
    private readonly HashSet<string> _forgotten = new(StringComparer.Ordinal);

    /// <returns>The hash by which the store knows the script.</returns>
    public string Remember(string text)
    {
        string hash = Hash(text);
        Texts[hash] = text.Replace("redis.call('TIME')", $"redis.call('LRANGE', '{TimeKey}', 0, 1)", StringComparison.Ordinal);
        _forgotten.Remove(hash);
        return hash;
    }

    /// <returns>The hash by which the server knows the script; null when the store must send its text.</returns>
    public string? Find(string hash)
    {
        if (_forgotten.Contains(hash) || !Texts.TryGetValue(hash, out string? text))
        {
            return null;
        }

        if (!_loaded.TryGetValue(hash, out string? loaded))
        {
            _loaded[hash] = loaded = Load(text);
        }

        return loaded;
    }

    /// <summary>What SCRIPT FLUSH does.</summary>
    public void ForgetAll() => _forgotten.UnionWith(Texts.Keys);

    public void RecallAll() => _forgotten.Clear();

    public string Load(string text) =>
        server.Do("SCRIPT", "LOAD", text) is byte[] hash
            ? Encoding.ASCII.GetString(hash)
            : throw new InvalidOperationException("The server does not take a script.");

    [SuppressMessage("Security", "CA5350", Justification = "It is the server's name for a script, and guards nothing.")]
    private static string Hash(string text) => Convert.ToHexStringLower(SHA1.HashData(Encoding.UTF8.GetBytes(text)));
}
