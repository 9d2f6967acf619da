using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text;

namespace WorkflowSessions.Redis;

/// <summary>A script of the folder Scripts, and the SHA-1 of its text by which the server knows it. Immutable.</summary>
internal sealed class RedisScript
{
    // The short way comes first: it must not pay for the functions of the long one.
    public static readonly RedisScript Commit = new("unchanged.lua", "shared.lua", "commit.lua");
    public static readonly RedisScript Renew = new("shared.lua", "renew.lua");
    public static readonly RedisScript End = new("shared.lua", "end.lua");
    public static readonly RedisScript Time = new("time.lua");

    [SuppressMessage("Security", "CA5350", Justification = "It is the server's name for a script, and guards nothing.")]
    private RedisScript(params string[] files)
    {
        Text = Protocol.Complete(string.Concat(files.Select(Read)));
        Hash = SHA1.HashData(Encoding.UTF8.GetBytes(Text));
    }

    public string Text { get; }

    public byte[] Hash { get; }

    private static string Read(string file)
    {
        using Stream stream =
            typeof(RedisScript).Assembly.GetManifestResourceStream(file) ?? throw new InvalidOperationException($"No script '{file}'.");
        using StreamReader reader = new(stream, Encoding.UTF8);
        return reader.ReadToEnd();
    }
}
