using System.Buffers.Text;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using StackExchange.Redis;
using WorkflowSessions.Contracts;

namespace WorkflowSessions.Redis.Tests;

/// <summary>
/// A workflow with an entry of every kind, which is stored anew with a damage each time, beside another workflow of its session and one of the same id in
/// another session.
/// </summary>
internal sealed class DamagedWorkflow : IDisposable
{
    private const string Id = "checkout";
    private const string Other = "other";
    private const string Owner = "alice";
    private const string Stranger = "bob";
    private const string Marker = "of somebody else";

    private static readonly TimeSpan Stays = TimeSpan.FromMinutes(20);
    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly IDatabase _database = RedisHarness.Database;
    private readonly RedisSessionStoreFactory _factory;
    private readonly RedisKey _index;
    private readonly RedisKey _key;
    private readonly RedisKey _other;
    private readonly RedisKey _strangers;

    // Fields as Latin-1, so that bytes that are equal are the same field.
    private Dictionary<string, byte[]> _stored = [];
    private string _record = "";
    private EveryKind _everyKind = null!;
    private byte[] _otherDump = [];
    private byte[] _strangersDump = [];

    // Loaded before the damage, as by a request that is under way.
    private WorkflowSession _early = null!;

    private DamagedWorkflow(string prefix)
    {
        _factory = new RedisSessionStoreFactory(
            RedisHarness.Connection,
            new RedisSessionStoreOptions { KeyPrefix = prefix, CommandTimeout = TimeSpan.FromSeconds(50) }
        );
        _index = $"{prefix}v2:{{{Root(Owner)}}}";
        _key = $"{_index}:{Id}";
        _other = $"{_index}:{Other}";
        _strangers = $"{prefix}v2:{{{Root(Stranger)}}}:{Id}";
    }

    public static async Task<DamagedWorkflow> BeginAsync(string prefix)
    {
        DamagedWorkflow damaged = new(prefix);
        await damaged.BeginAsync();
        return damaged;
    }

    public void Dispose() => _factory.Dispose();

    /// <summary>What went wrong, without what an engine's error may quote.</summary>
    public static string Describe(Exception error) =>
        error is AssertionException ? error.Message : $"{error.GetType()} caused by {error.InnerException?.GetType()} {error.StackTrace}";

    /// <summary>Stores the workflow with a damage, reads it, and commits to it.</summary>
    /// <returns>What became of it.</returns>
    public async Task<string> DamageAsync(Damage damage)
    {
        Dictionary<string, byte[]> fields = new(_stored, StringComparer.Ordinal);
        bool foreign = damage.Next(40) == 0;
        bool index = damage.Next(15) == 0;
        for (int i = damage.Next(8) == 0 ? damage.Next(4) : 0; !foreign && i >= 0; i--)
        {
            DamageFields(damage, fields);
        }

        List<Task> writing = [_database.KeyDeleteAsync([_key, _index])];
        writing.AddRange(
            foreign ? [WriteForeign(_key, damage)]
            : fields.Count > 0 ? [_database.HashSetAsync(_key, [.. fields.Select(field => new HashEntry(Bytes(field.Key), field.Value))])]
            : []
        );
        bool listable = !index || damage.Next(2) == 0;
        writing.Add(listable ? WriteIndex(index ? damage : null) : WriteForeign(_index, damage));
        writing.Add(_database.KeyExpireAsync(_key, Stays));
        writing.Add(_database.KeyExpireAsync(_index, Stays));
        Task<byte[]?> before = foreign ? _database.KeyDumpAsync(_key) : Task.FromResult<byte[]?>(null);

        BufferedSessionStore session = _factory.Open(Owner);
        WorkflowSession workflow = new(session, Id);
        Task loading = workflow.LoadAsync().AsTask();
        Task<IReadOnlyList<WorkflowSummary>> listing = session.ListAsync().AsTask();
        await Task.WhenAll(writing);
        bool told = await IsToldAsync(loading);
        Dictionary<string, byte[]>? entries = foreign ? null : Entries(fields);
        if (told)
        {
            Check(foreign || fields.Count > 0, "what is gone was told as damaged");
            Check(entries is null || !fields["#"].AsSpan().SequenceEqual(_stored["#"]), "a damaged value kept the workflow from loading");
        }
        else
        {
            Check(fields.Count == 0 || entries is not null, "what has no form of a workflow was loaded");
            bool absent = workflow.LastModified is null;
            Check(absent ? fields.Count == 0 || IsOver(fields) : fields.Count > 0, "what is there was read as absent");
            string? failure = _everyKind.Failure(workflow, absent || entries is null ? [] : entries);
            Check(failure is null, failure ?? "");
        }

        await CheckListAsync(
            listing,
            foreign,
            listable,
            complete: !index,
            IsOver(fields) ? 0 : fields.Keys.Count(name => name is ['.', ..])
        );
        WorkflowSession committing = told || damage.Next(4) == 0 ? _early : workflow;
        return $"{(told ? "told" : fields.Count == 0 ? "absent" : "loaded")}, {await CommitAsync(committing, fields, foreign, await before, !told, listable, damage)}";
    }

    private async Task BeginAsync()
    {
        EveryKind.Set(_early = await LoadAsync(Owner, Id));
        await _early.CommitAsync();
        foreach ((string session, string id) in new[] { (Owner, Other), (Stranger, Id) })
        {
            WorkflowSession others = await LoadAsync(session, id);
            others.Set("int", Marker);
            others.Set("of another", Marker);
            await others.CommitAsync();
        }

        _stored = await StoredAsync();
        _record = _stored.Keys.Single(name => name is ['@', ..]);
        _everyKind = new EveryKind(Entries(_stored)!);
        _otherDump = (await _database.KeyDumpAsync(_other))!;
        _strangersDump = (await _database.KeyDumpAsync(_strangers))!;
    }

    private void DamageFields(Damage damage, Dictionary<string, byte[]> fields)
    {
        string[] names = [.. fields.Keys.Order(StringComparer.Ordinal)];
        if (names.Length == 0)
        {
            return;
        }

        string at = damage.Any(names);
        string other = damage.Any(names);
        switch (damage.Next(16))
        {
            case 0 or 1 or 2 or 3 or 4 or 5:
                fields[at] = damage.Bytes(fields[at]);
                break;
            case 6:
                (fields[at], fields[other]) = (fields[other], fields[at]);
                break;
            case 7:
                fields.Remove(at, out byte[]? moved);
                fields[Encoding.Latin1.GetString(damage.Bytes(Bytes(at)))] = moved!;
                break;
            case 8:
                fields.Remove(at);
                break;
            case 9:
                fields[Encoding.Latin1.GetString(damage.Bytes(Bytes(at)))] = fields[other];
                break;
            case 10 or 11 or 12 or 13 when fields.ContainsKey("#"):
                fields["#"] = damage.Numbered(fields["#"]);
                break;
            case 14 when damage.Next(20) == 0:
                fields.Clear();
                break;
            case 14 when damage.Next(20) == 0:
                for (int i = damage.Next(2_000); i > 0; i--)
                {
                    fields[$".{i}"] = damage.Bytes(fields[at]);
                }

                break;
            default:
                fields.Remove("#");
                fields[damage.Any(["#", "##", "", ".", "..", "stranger", "# ", ".#"])] = damage.Bytes(_stored["#"]);
                break;
        }
    }

    private Task<long> WriteIndex(Damage? damage)
    {
        double score = DateTimeOffset.UtcNow.Add(Stays).ToUnixTimeMilliseconds();
        List<SortedSetEntry> members = [new(Id, score), new(Other, score)];
        if (damage is not null)
        {
            if (damage.Next(2) == 0)
            {
                members.RemoveAt(damage.Next(2));
            }

            for (int i = damage.Next(5); i > 0; i--)
            {
                byte[] member = damage.Next(2) == 0 ? damage.Bytes(Encoding.UTF8.GetBytes(Id)) : damage.RandomBytes(damage.Next(200));
                members.Add(
                    new SortedSetEntry(member, damage.Any([score, 0, -1, 1e300, double.PositiveInfinity, double.NegativeInfinity]))
                );
            }
        }

        return _database.SortedSetAddAsync(_index, [.. members]);
    }

    private Task WriteForeign(RedisKey key, Damage damage)
    {
        byte[] bytes = damage.Bytes(_stored["#"]);
        return damage.Next(5) switch
        {
            0 => _database.StringSetAsync(key, bytes),
            1 => _database.ListRightPushAsync(key, bytes),
            2 => _database.SetAddAsync(key, bytes),
            3 => _database.ExecuteAsync("XADD", key, "*", "#", bytes),
            _ when key == _index => _database.HashSetAsync(key, "#", bytes),
            _ => _database.SortedSetAddAsync(key, bytes, 1),
        };
    }

    private static async Task<bool> IsToldAsync(Task loading)
    {
        try
        {
            await loading;
            return false;
        }
        catch (SessionStoreException error)
        {
            // Another letter of state belongs to a newer version.
            bool says =
                error.Message.Contains("damaged", StringComparison.Ordinal)
                || error.Message.Contains("does not know", StringComparison.Ordinal);
            Check(says && !error.MayBeStored, "the error says something else");
            CheckMessage(error);
            return true;
        }
    }

    private static async Task CheckListAsync(
        Task<IReadOnlyList<WorkflowSummary>> listing,
        bool foreign,
        bool listable,
        bool complete,
        int entries
    )
    {
        try
        {
            string[] ids = [.. (await listing).Select(listed => listed.Id).Order(StringComparer.Ordinal)];
            Check(listable, "an index of another type was listed");
            Check(
                ids.All(id => id is Id or Other) && ids.Distinct(StringComparer.Ordinal).Count() == ids.Length,
                "the list has what is not there"
            );
            Check(!complete || ids.Contains(Other, StringComparer.Ordinal), "the list has not what is there");
            Check(!complete || entries == 0 || ids.Contains(Id, StringComparer.Ordinal), "the list has not what is there");
        }
        catch (SessionStoreException error)
        {
            Check(foreign || !listable, "a list was refused for no reason");
            CheckMessage(error);
        }
    }

    private async Task<string> CommitAsync(
        WorkflowSession workflow,
        Dictionary<string, byte[]> fields,
        bool foreign,
        byte[]? before,
        bool wasLoaded,
        bool listable,
        Damage damage
    )
    {
        WorkflowSessionException? refused = null;
        bool early = ReferenceEquals(workflow, _early);
        int value = damage.Next(1_000_000);
        try
        {
            workflow.Set("added", value);
            await workflow.CommitAsync();
        }
        catch (WorkflowSessionException error)
        {
            CheckMessage(error);
            refused = error;
        }

        Task<Dictionary<string, byte[]>> reading = foreign ? Task.FromResult(new Dictionary<string, byte[]>()) : StoredAsync();
        Task<byte[]?> other = _database.KeyDumpAsync(_other);
        Task<byte[]?> strangers = _database.KeyDumpAsync(_strangers);
        byte[]? dump = foreign ? await _database.KeyDumpAsync(_key) : null;
        Dictionary<string, byte[]> now = await reading;
        Check((await other).AsSpan().SequenceEqual(_otherDump), "another workflow was changed");
        Check((await strangers).AsSpan().SequenceEqual(_strangersDump), "another session was changed");
        if (foreign)
        {
            Check(refused is SessionStoreException { MayBeStored: false }, "a commit to what is no workflow was not refused");
            Check(dump.AsSpan().SequenceEqual(before), "a commit that was refused has changed what is stored");
            return Outcome(refused);
        }

        Dictionary<string, byte[]> after = new(fields, StringComparer.Ordinal)
        {
            [".added"] = Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"i{value}")),
        };
        // What is over by its metadata leaves a tombstone, or is begun anew.
        bool goes = IsOver(fields);
        bool over = goes && now.Keys.All(name => name is "#" or ".added" or ['@', ..]);
        bool stored = SameEntries(after, now) && now.ContainsKey("#");
        // The record of its node tells what became of a commit. One that is damaged can tell it of another.
        bool recorded = fields.TryGetValue(_record, out byte[]? record) && record.AsSpan().SequenceEqual(_stored[_record]);
        // The load has renewed what is over by its deadline: its metadata tell a new time.
        bool untouched =
            refused is WorkflowConflictException or WorkflowLimitException || goes
                ? SameEntries(fields, now) && now.ContainsKey("#")
                : fields.Count == now.Count && Same(fields, now);
        Check(
            over
                || (
                    refused is null ? stored || (!recorded && untouched)
                    : refused is SessionStoreException { MayBeStored: true } ? stored || untouched
                    : untouched
                ),
            refused is null
                ? $"a commit has changed something else than it set: {string.Join("; ", fields.Where(f => f.Key == "#").Select(f => Encoding.Latin1.GetString(f.Value)))} became {string.Join("; ", now.Where(f => f.Key == "#").Select(f => Encoding.Latin1.GetString(f.Value)))} fields {fields.Count} {now.Count} early {early}"
                : $"a commit that was refused has changed what is stored: {refused.GetType().Name} early {early} was {Metadata(fields)} now {Metadata(now)}"
        );
        // A number that its node can't have sent yet.
        bool uncounted = refused is SessionStoreException { MayBeStored: false } && !recorded;
        Check(
            refused is null or WorkflowLimitException || early || !listable || goes || uncounted,
            "a workflow that was loaded takes no commit"
        );
        if (wasLoaded && stored && !goes)
        {
            bool isRead = await IsReadAsync(value);
            string became = isRead ? "" : Encoding.Latin1.GetString(now["#"]);
            Check(isRead, $"a commit has made a workflow unreadable: {became}");
        }

        if (early && refused is null)
        {
            Check(
                fields.TryGetValue("#", out byte[]? meta) && Generation(meta) == Generation(_stored["#"]),
                $"an ended workflow came back: was {Metadata(fields)} now {Metadata(now)}"
            );
        }

        return over ? "over" : Outcome(refused);
    }

    /// <summary>All but the entries, as text.</summary>
    private static string Metadata(Dictionary<string, byte[]> fields) =>
        string.Join(
            "; ",
            fields.Where(field => field.Key is "#" or ['@', ..]).Select(field => $"{field.Key}={Encoding.Latin1.GetString(field.Value)}")
        ) + $" and {fields.Keys.Count(name => name is ['.', ..])} entries";

    private async Task<bool> IsReadAsync(int value)
    {
        try
        {
            return (await LoadAsync(Owner, Id)).Get<int>("added") == value;
        }
        catch (SessionStoreException)
        {
            return false;
        }
    }

    private async Task<WorkflowSession> LoadAsync(string session, string id)
    {
        WorkflowSession workflow = new(_factory.Open(session), id);
        await workflow.LoadAsync();
        return workflow;
    }

    private async Task<Dictionary<string, byte[]>> StoredAsync() =>
        (await _database.HashGetAllAsync(_key)).ToDictionary(
            field => Encoding.Latin1.GetString((byte[])field.Name!),
            field => (byte[])field.Value!,
            StringComparer.Ordinal
        );

    /// <summary>The entries by what is documented of the fields; null when they are not a workflow's.</summary>
    private static Dictionary<string, byte[]>? Entries(Dictionary<string, byte[]> fields)
    {
        if (!fields.ContainsKey("#"))
        {
            return null;
        }

        Dictionary<string, byte[]> entries = new(StringComparer.Ordinal);
        foreach ((string name, byte[] value) in fields.Where(field => field.Key is not ("#" or ['@', ..])))
        {
            try
            {
                if (name is not ['.', ..])
                {
                    return null;
                }

                entries[StrictUtf8.GetString(Bytes(name)[1..])] = value;
            }
            catch (DecoderFallbackException)
            {
                return null;
            }
        }

        return entries;
    }

    /// <summary>Whether the expiry or the deadline has passed or is about to, by damage.</summary>
    private static bool IsOver(Dictionary<string, byte[]> fields) =>
        fields.TryGetValue("#", out byte[]? meta)
        && Encoding.Latin1.GetString(meta).Split(' ') is [_, _, _, _, { } expires, { } deadline, ..]
        && (meta[0] == 'e' || IsPast(expires) || (deadline != "0" && IsPast(deadline)));

    private static bool IsPast(string time) =>
        long.TryParse(time, NumberStyles.None, CultureInfo.InvariantCulture, out long milliseconds)
        && milliseconds < DateTimeOffset.UtcNow.AddMinutes(1).ToUnixTimeMilliseconds();

    private static string Generation(byte[] meta) => Encoding.Latin1.GetString(meta).Split(' ').ElementAtOrDefault(1) ?? "";

    /// <summary>Whether all is the same but for the metadata and the records of nodes.</summary>
    private static bool SameEntries(Dictionary<string, byte[]> left, Dictionary<string, byte[]> right) =>
        Same(OfEntries(left), OfEntries(right));

    private static Dictionary<string, byte[]> OfEntries(Dictionary<string, byte[]> fields) =>
        fields.Where(field => field.Key is not ("#" or ['@', ..])).ToDictionary(StringComparer.Ordinal);

    private static bool Same(Dictionary<string, byte[]> left, Dictionary<string, byte[]> right) =>
        left.Count == right.Count
        && left.All(field => right.TryGetValue(field.Key, out byte[]? bytes) && bytes.AsSpan().SequenceEqual(field.Value));

    private static string Root(string session) => Base64Url.EncodeToString(SHA256.HashData(Encoding.UTF8.GetBytes(session)).AsSpan(0, 16));

    private static byte[] Bytes(string name) => Encoding.Latin1.GetBytes(name);

    private static string Outcome(WorkflowSessionException? refused) =>
        refused switch
        {
            null => "stored",
            WorkflowConflictException => "conflict",
            SessionStoreException { MayBeStored: true } => "may be stored",
            _ => "refused",
        };

    private static void CheckMessage(Exception error) =>
        Check(
            !error.Message.Contains(Owner, StringComparison.Ordinal) && !error.Message.Contains(Marker, StringComparison.Ordinal),
            "the message has the id of the session, or a value"
        );

    private static void Check(bool condition, string message)
    {
        if (!condition)
        {
            throw new AssertionException(message);
        }
    }
}
