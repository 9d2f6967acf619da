using FsCheck.Fluent;
using WorkflowSessions.Contracts;

namespace WorkflowSessions.Tests;

/// <summary>The stored form of values: what version 1 wrote is written and read for ever.</summary>
public sealed class ValueCodecTests
{
    private static readonly JsonSessionSerializer Serializer = new();

    private static readonly Dictionary<string, object?> Values = new(StringComparer.Ordinal)
    {
        ["null"] = null,
        ["bool"] = true,
        ["sbyte"] = sbyte.MinValue,
        ["byte"] = byte.MaxValue,
        ["short"] = short.MinValue,
        ["ushort"] = ushort.MaxValue,
        ["int"] = -42,
        ["uint"] = uint.MaxValue,
        ["long"] = long.MaxValue,
        ["ulong"] = ulong.MaxValue,
        ["nint"] = (nint)(-7),
        ["nuint"] = (nuint)7,
        ["int128"] = Int128.MinValue,
        ["uint128"] = UInt128.MaxValue,
        ["float"] = 0.1f,
        ["double"] = -0.0,
        ["double-nan"] = double.NaN,
        ["decimal"] = 1.50m,
        ["char"] = '\uD83D',
        ["string"] = "caf\u00E9 \U0001F600",
        ["string-empty"] = "",
        ["string-lone-surrogate"] = "a\uD83D",
        ["datetime-utc"] = new DateTime(2026, 1, 2, 3, 4, 5, DateTimeKind.Utc).AddTicks(1),
        ["datetime-local"] = new DateTime(2026, 3, 29, 2, 30, 0, DateTimeKind.Local),
        ["datetime"] = new DateTime(2026, 1, 2, 3, 4, 5, DateTimeKind.Unspecified),
        ["datetimeoffset"] = new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.FromHours(-14)).AddTicks(9_999_999),
        ["dateonly"] = new DateOnly(2026, 1, 2),
        ["timeonly"] = new TimeOnly(3, 4, 5).Add(TimeSpan.FromTicks(6)),
        ["timespan"] = -new TimeSpan(1, 2, 3, 4, 5),
        ["guid"] = new Guid("3f2504e0-4f89-11d3-9a0c-0305e82c3301"),
        ["datetime-local-instant"] = new DateTime(2026, 3, 29, 0, 30, 0, DateTimeKind.Utc).ToLocalTime(),
        ["decimal-negative-zero"] = -0.0m,
        ["uri-path"] = new Uri("/path", UriKind.Relative),
        ["uri-file"] = new Uri("/path", UriKind.Absolute),
        ["uri"] = new Uri("https://example.com/a%20b?q=\u00E9"),
        ["bytes"] = new byte[] { 0, 1, 255 },
        ["enum"] = SessionStoreContract.Plan.Pro,
        ["object"] = new SessionStoreContract.Address("Main Street", 5, ["home"]),
    };

    private static IEnumerable<string> Names => Values.Keys;

    // Read for ever, and written only of a time that the clock skips.
    private static IEnumerable<string> Written => Names.Where(name => name != "datetime-local");

    private static IEnumerable<string> Unreadable =>
        [
            "",
            "?",
            "Z1",
            "n1",
            "b",
            "b2",
            "btrue",
            "i",
            "i1.5",
            "i 1",
            "i99999999999",
            "y256",
            "y-1",
            "d",
            "dx",
            "m1e5",
            "c",
            "c00",
            "cXXXX",
            "u1",
            "D",
            "D2026",
            "D2026-13-01T00:00:00.0000000",
            "D2026-01-01T00:00:00.0000000LZ",
            "W",
            "W/path",
            "WAx",
            "O2026-01-01",
            "O2026-01-01T00:00:00.0000000",
            "a2026",
            "k25",
            "rx",
            "gx",
            "g3f2504e0-4f89-11d3-9a0c-0305e82c3301x",
        ];

    [Test]
    public void Every_golden_file_has_a_value() =>
        Assert.That(
            Directory
                .EnumerateFiles(Path.Combine(TestContext.CurrentContext.TestDirectory, "Payloads", "v1"))
                .Select(Path.GetFileNameWithoutExtension),
            Is.EquivalentTo(Names)
        );

    [TestCaseSource(nameof(Written))]
    public void Value_is_written_as_version_1_wrote_it(string name) =>
        Assert.That(ValueCodec.Encode(Values[name], typeof(object), Serializer), Is.EqualTo(Golden(name)));

    [TestCaseSource(nameof(Names))]
    public void Value_of_version_1_is_read(string name)
    {
        byte[] golden = Golden(name);
        if (golden[0] == ValueCodec.ObjectKind)
        {
            object? address = Serializer.Deserialize(golden.AsMemory(1), typeof(SessionStoreContract.Address));
            Assert.That(((SessionStoreContract.Address)address!).Tags, Is.EqualTo(new[] { "home" }));
            return;
        }

        Assert.That(ValueCodec.TryDecode(golden, out object? value), Is.True);
        object? expected = Values[name] is Enum number ? ValueConversion.ToInteger(number) : Values[name];
        Assert.That(value, Is.EqualTo(expected));
        Assert.That(value?.GetType(), Is.EqualTo(expected?.GetType()));
        Assert.That(Detail(value), Is.EqualTo(Detail(expected)));
    }

    [TestCaseSource(nameof(Unreadable))]
    public void Damaged_foreign_or_newer_payload_is_no_value(string encoded)
    {
        Assert.That(ValueCodec.TryDecode(System.Text.Encoding.UTF8.GetBytes(encoded), out object? value), Is.False);
        Assert.That(value, Is.Null);
    }

    [Test]
    public void Ill_formed_text_is_no_value() => Assert.That(ValueCodec.TryDecode([(byte)'t', 0xC3, 0x28], out _), Is.False);

    [Test]
    public void Any_bytes_are_a_value_or_none() =>
        RandomInput.Check(
            Gen.ArrayOf(
                Gen.OneOf(Gen.Choose(0, 255), Gen.Elements("nbiltdDOx0123456789-.:TZL".Select(c => (int)c).ToArray())).Select(i => (byte)i)
            ),
            RandomInput.Sequences,
            bytes =>
            {
                bool read = ValueCodec.TryDecode(bytes, out object? value);
                if (!read && value is not null)
                {
                    throw new InvalidOperationException("A value came with a refusal.");
                }
            }
        );

    [Test]
    public async Task One_unreadable_value_leaves_the_others_readable()
    {
        ExampleHarness harness = new();
        Dictionary<string, WorkflowEntry> entries = new(StringComparer.Ordinal)
        {
            ["good"] = new("i1"u8.ToArray()),
            ["newer"] = new("\u00A71"u8.ToArray()),
            ["empty"] = new(ReadOnlyMemory<byte>.Empty),
            ["cut"] = new("j{\"Street\":\"Ma"u8.ToArray()),
            ["foreign"] = new("<xml/>"u8.ToArray()),
        };
        await harness.Database.ReplaceAsync(
            "alice",
            "checkout",
            null,
            new WorkflowRecord(entries, 1, 1, harness.Clock.GetUtcNow(), null, null)
        );
        WorkflowSession workflow = new(harness.Open("alice"), "checkout");
        await workflow.LoadAsync();
        Assert.That(workflow.Get<int>("good"), Is.EqualTo(1));
        foreach (string key in new[] { "newer", "empty", "cut", "foreign" })
        {
            Assert.That(workflow.Has(key), Is.True);
            WorkflowValueException? error = Assert.Throws<WorkflowValueException>(() => workflow.Get<SessionStoreContract.Address>(key));
            Assert.That(error!.Key, Is.EqualTo(key));
            Assert.That(error.Message, Does.Contain($"'{key}'").And.Contain("'checkout'").And.Not.Contain("Street"));
            Assert.That(() => workflow.Get<object>(key), Throws.InstanceOf<WorkflowValueException>());
        }

        workflow.Set("cut", 2);
        workflow.Delete("newer");
        await workflow.CommitAsync();
        await workflow.LoadAsync();
        Assert.That(workflow.Get<int>("cut"), Is.EqualTo(2));
        Assert.That(workflow.Count, Is.EqualTo(4));
    }

    /// <summary>What equality does not compare.</summary>
    private static object? Detail(object? value) =>
        value switch
        {
            decimal number => string.Join(',', decimal.GetBits(number)),
            DateTime time => time.Kind,
            Uri uri => (uri.OriginalString, uri.IsAbsoluteUri),
            _ => null,
        };

    private static byte[] Golden(string name) =>
        File.ReadAllBytes(Path.Combine(TestContext.CurrentContext.TestDirectory, "Payloads", "v1", $"{name}.bin"));
}
