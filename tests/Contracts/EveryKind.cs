using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace WorkflowSessions.Contracts;

/// <summary>A workflow with an entry of every kind, and what must be read of it when some of its bytes are others.</summary>
public sealed class EveryKind
{
    private const string Unreadable = "unreadable";
    private const int Slack = 65_536;
    private const int Proportion = 64;

    // An exception with its message, its cause and its stack.
    private const int OfError = 4_096;

    private static readonly JsonSerializerOptions Json = new()
    {
        MaxDepth = 200,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
    };

    private static readonly BufferedSessionStoreOptions Options = new();

    private static readonly Kept[] All =
    [
        Keep<string?>("null", null),
        Keep("bool", true),
        Keep("sbyte", sbyte.MinValue),
        Keep("byte", byte.MaxValue),
        Keep("short", short.MinValue),
        Keep("ushort", ushort.MaxValue),
        Keep("int", -42),
        Keep("uint", uint.MaxValue),
        Keep("long", long.MaxValue),
        Keep("ulong", ulong.MaxValue),
        Keep("nint", (nint)(-7)),
        Keep("nuint", (nuint)7),
        Keep("int128", Int128.MinValue),
        Keep("uint128", UInt128.MaxValue),
        Keep("float", 0.1f),
        Keep("double", -0.0),
        Keep("decimal", 1.50m),
        Keep("char", '\uD83D'),
        Keep("string", "caf\u00E9 \U0001F600"),
        Keep("lone surrogate", "a\uD83D"),
        Keep("datetime", new DateTime(2026, 1, 2, 3, 4, 5, DateTimeKind.Utc).AddTicks(1)),
        Keep("datetimeoffset", new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.FromHours(-14)).AddTicks(9_999_999)),
        Keep("dateonly", new DateOnly(2026, 1, 2)),
        Keep("timeonly", new TimeOnly(3, 4, 5).Add(TimeSpan.FromTicks(6))),
        Keep("timespan", -new TimeSpan(1, 2, 3, 4, 5)),
        Keep("guid", new Guid("3f2504e0-4f89-11d3-9a0c-0305e82c3301")),
        Keep("uri", new Uri("https://example.com/a%20b?q=\u00E9")),
        Keep("bytes", new byte[] { 0, 1, 255 }),
        Keep("enum", SessionStoreContract.Plan.Pro),
        Keep("object", new SessionStoreContract.Address("Main Street", 5, ["home"])),
        Keep("list", new List<int> { 1, 2, 3 }),
    ];

    private readonly IReadOnlyDictionary<string, byte[]> _stored;
    private readonly Dictionary<string, (string Typed, string Untyped)> _expected = new(StringComparer.Ordinal);

    /// <param name="stored">The bytes of the entries, as they were stored of the workflow that <see cref="Set"/> makes.</param>
    public EveryKind(IReadOnlyDictionary<string, byte[]> stored)
    {
        ArgumentNullException.ThrowIfNull(stored);
        _stored = stored;
        foreach (Kept kept in All)
        {
            // What is read as its own type is what was set; as an object, what a store gives that has nothing else.
            _expected[kept.Key] = (Text(kept.Value), Alone(kept.Key, stored[kept.Key]).Untyped);
        }
    }

    public static void Set(WorkflowSession workflow)
    {
        foreach (Kept kept in All)
        {
            kept.Set(workflow);
        }
    }

    /// <summary>Reads every entry as its own type and as an object, and all at once.</summary>
    /// <param name="workflow">The workflow, which is loaded.</param>
    /// <param name="entries">The entries as they are stored.</param>
    /// <returns>What is wrong with it, without values; null when nothing is.</returns>
    public string? Failure(WorkflowSession workflow, IReadOnlyDictionary<string, byte[]> entries)
    {
        ArgumentNullException.ThrowIfNull(workflow);
        ArgumentNullException.ThrowIfNull(entries);
        if (workflow.Count != entries.Count)
        {
            return $"{workflow.Count} entries were loaded of {entries.Count}";
        }

        string[] keys = [.. entries.Keys];
        object?[] typed = new object?[keys.Length];
        object?[] untyped = new object?[keys.Length];
        object? all;
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < keys.Length; i++)
        {
            typed[i] = Read(workflow, keys[i], Reader(keys[i]));
            untyped[i] = Read(workflow, keys[i], static (w, key) => w.Get<object>(key));
        }

        all = Read(workflow, "", static (w, _) => w.GetAll());
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        long size = entries.Sum(entry => entry.Key.Length + entry.Value.Length);
        int errors = typed.Concat(untyped).Count(value => value is WorkflowValueException);
        if (allocated > (Proportion * size) + (OfError * errors) + Slack)
        {
            return $"{allocated} bytes were allocated for {size}";
        }

        bool readable = true;
        for (int i = 0; i < keys.Length; i++)
        {
            string key = keys[i];
            (string Typed, string Untyped) expected =
                _stored.TryGetValue(key, out byte[]? bytes) && bytes.AsSpan().SequenceEqual(entries[key])
                    ? _expected[key]
                    : Alone(key, entries[key]);
            readable &= expected.Untyped != Unreadable;
            if (Text(typed[i]) != expected.Typed || Text(untyped[i]) != expected.Untyped)
            {
                return $"an entry of {(_stored.ContainsKey(key) ? key : "another key")} reads as something else than its bytes say";
            }

            if (all is IReadOnlyDictionary<string, object?> read && Text(read[key]) != expected.Untyped)
            {
                return "GetAll gives something else than Get";
            }
        }

        bool complete = all is IReadOnlyDictionary<string, object?> copy ? readable && copy.Count == keys.Length : !readable;
        return complete ? null : "GetAll is not all, or hides an entry that can't be read";
    }

    private static Kept Keep<T>(string key, T value) => new(key, value, workflow => workflow.Set(key, value), (w, k) => w.Get<T>(k));

    private static Func<WorkflowSession, string, object?> Reader(string key) =>
        Array.Find(All, kept => kept.Key == key)?.Get ?? (static (w, k) => w.Get<int>(k));

    private static (string Typed, string Untyped) Alone(string key, byte[] bytes)
    {
        WorkflowSession workflow = new(new OneEntry(Options, key, bytes), "alone");
        Task loading = workflow.LoadAsync().AsTask();
        Assert.That(loading.IsCompletedSuccessfully, Is.True);
        return (Text(Read(workflow, key, Reader(key))), Text(Read(workflow, key, static (w, k) => w.Get<object>(k))));
    }

    private static object? Read(WorkflowSession workflow, string key, Func<WorkflowSession, string, object?> read)
    {
        try
        {
            return read(workflow, key);
        }
        catch (WorkflowValueException error)
        {
            return error;
        }
    }

    /// <summary>A text that is the same for the same value of the same type.</summary>
    private static string Text(object? value) =>
        value switch
        {
            null => "null",
            WorkflowValueException => Unreadable,
            string text => $"string {text}",
            byte[] bytes => $"bytes {Convert.ToHexString(bytes)}",
            char unit => $"char {(int)unit}",
            float number => $"float {BitConverter.SingleToUInt32Bits(number)}",
            double number => $"double {BitConverter.DoubleToUInt64Bits(number)}",
            DateTime time => $"DateTime {time.Ticks} {time.Kind}",
            DateTimeOffset time => $"DateTimeOffset {time.Ticks} {time.Offset}",
            TimeOnly time => $"TimeOnly {time.Ticks}",
            Uri uri => $"Uri {uri.OriginalString}",
            IFormattable number => $"{number.GetType()} {number.ToString(null, CultureInfo.InvariantCulture)}",
            bool => $"bool {value}",
            _ => $"{value.GetType()} {JsonSerializer.Serialize(value, Json)}",
        };

    private sealed record Kept(string Key, object? Value, Action<WorkflowSession> Set, Func<WorkflowSession, string, object?> Get);

    /// <summary>A store that has one entry of one workflow, and nothing that could be taken for it.</summary>
    private sealed class OneEntry(BufferedSessionStoreOptions options, string key, byte[] bytes) : BufferedSessionStore(options)
    {
        public override SessionStoreCapabilities Capabilities { get; } = new();

        protected override ValueTask<WorkflowRecord?> LoadWorkflowAsync(string workflowId, CancellationToken cancellationToken)
        {
            Dictionary<string, WorkflowEntry> entries = new(StringComparer.Ordinal) { [key] = new WorkflowEntry(bytes) };
            return ValueTask.FromResult<WorkflowRecord?>(new WorkflowRecord(entries, 1, 1, DateTimeOffset.UnixEpoch, null, null));
        }

        protected override ValueTask<CommitResult> CommitWorkflowAsync(WorkflowCommit commit, CancellationToken cancellationToken) =>
            throw new NotSupportedException("It is only read.");

        protected override ValueTask<IReadOnlyList<WorkflowSummary>> ListWorkflowsAsync(CancellationToken cancellationToken) =>
            throw new NotSupportedException("It is only read.");

        protected override ValueTask EndWorkflowsAsync(CancellationToken cancellationToken) =>
            throw new NotSupportedException("It is only read.");
    }
}
