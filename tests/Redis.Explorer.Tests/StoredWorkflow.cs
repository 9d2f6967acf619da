using System.Globalization;
using System.Text;

namespace WorkflowSessions.Redis.Explorer;

/// <summary>A workflow as it is stored.</summary>
internal sealed record StoredWorkflow(long Generation, long Version, Dictionary<string, string> Entries, TimeSpan Lifetime)
{
    private const string Active = "a";

    /// <param name="hash">The fields and values of the hash.</param>
    /// <param name="lifetime">How long the key lives, in milliseconds.</param>
    /// <param name="now">The time of the server, in Unix milliseconds; 0 to read also a workflow that has expired.</param>
    /// <returns>Null when the workflow is absent, has ended or has expired.</returns>
    public static StoredWorkflow? Read(object?[] hash, long lifetime, long now)
    {
        string[]? metadata = null;
        Dictionary<string, string> entries = new(StringComparer.Ordinal);
        for (int i = 0; i < hash.Length; i += 2)
        {
            string field = Encoding.UTF8.GetString((byte[])hash[i]!);
            string value = Encoding.UTF8.GetString((byte[])hash[i + 1]!);
            if (field == "#")
            {
                metadata = value.Split(' ');
            }
            else if (field[0] != '@')
            {
                // A key has a point before it, and a value a letter for its kind.
                entries[field[1..]] = value[1..];
            }
        }

        if (metadata?[0] != Active || (now > 0 && Number(metadata[4]) <= now))
        {
            return null;
        }

        lifetime = Math.Min(lifetime, Number(metadata[4]) - now);
        return new StoredWorkflow(Number(metadata[1]), Number(metadata[2]), entries, TimeSpan.FromMilliseconds(lifetime));

        static long Number(string text) => long.Parse(text, CultureInfo.InvariantCulture);
    }

    public bool IsSame(StoredWorkflow? other) =>
        other is not null
        && Generation == other.Generation
        && Version == other.Version
        && Entries.Count == other.Entries.Count
        && Entries.All(entry => other.Entries.TryGetValue(entry.Key, out string? value) && value == entry.Value);

    public static bool AreSame(StoredWorkflow? one, StoredWorkflow? other) => one is null ? other is null : one.IsSame(other);

    public override string ToString() =>
        $"generation {Generation}, version {Version}, {string.Join(", ", Entries.Select(entry => $"{entry.Key}={entry.Value}"))}";
}
