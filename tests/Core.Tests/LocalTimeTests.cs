namespace WorkflowSessions.Tests;

/// <summary>A local time is the same instant on every node, whatever its zone.</summary>
[NonParallelizable]
public sealed class LocalTimeTests
{
    private static readonly JsonSessionSerializer Serializer = new();

    private string? _zone;

    [SetUp]
    public void KeepZone() => _zone = Environment.GetEnvironmentVariable("TZ");

    [TearDown]
    public void RestoreZone() => SetZone(_zone);

    [TestCase("America/New_York")]
    [TestCase("Asia/Kolkata")]
    [TestCase("UTC")]
    public void Local_time_is_the_same_instant_in_another_zone(string other)
    {
        SetZone("Europe/Berlin");
        DateTime set = new(2026, 7, 1, 12, 0, 0, DateTimeKind.Local);
        byte[] encoded = ValueCodec.Encode(set, typeof(DateTime), Serializer);
        SetZone(other);
        DateTime read = Read(encoded);
        Assert.That(read.Kind, Is.EqualTo(DateTimeKind.Local));
        Assert.That(read.ToUniversalTime(), Is.EqualTo(new DateTime(2026, 7, 1, 10, 0, 0, DateTimeKind.Utc)));
    }

    [Test]
    public void Hour_that_the_clock_repeats_is_two_hours()
    {
        SetZone("Europe/Berlin");
        DateTime first = new DateTime(2026, 10, 25, 0, 30, 0, DateTimeKind.Utc).ToLocalTime();
        DateTime second = new DateTime(2026, 10, 25, 1, 30, 0, DateTimeKind.Utc).ToLocalTime();
        Assert.That(first, Is.EqualTo(second), "both are 02:30");
        Assert.That(RoundTripped(first).ToUniversalTime(), Is.EqualTo(first.ToUniversalTime()));
        Assert.That(RoundTripped(second).ToUniversalTime(), Is.EqualTo(second.ToUniversalTime()));
    }

    [Test]
    public void Time_that_the_clock_skips_or_that_no_calendar_has_elsewhere_stays_as_it_was_set()
    {
        SetZone("Europe/Berlin");
        DateTime[] times =
        [
            new(2026, 3, 29, 2, 30, 0, DateTimeKind.Local),
            DateTime.SpecifyKind(DateTime.MinValue, DateTimeKind.Local),
            DateTime.SpecifyKind(DateTime.MaxValue, DateTimeKind.Local),
        ];
        foreach (DateTime time in times)
        {
            Assert.That(RoundTripped(time), Is.EqualTo(time));
            Assert.That(RoundTripped(time).Kind, Is.EqualTo(DateTimeKind.Local));
        }
    }

    [Test]
    public void Form_of_before_is_read_as_the_time_on_the_clock()
    {
        SetZone("America/New_York");
        Assert.That(Read("D2026-07-01T12:00:00.0000000L"u8.ToArray()), Is.EqualTo(new DateTime(2026, 7, 1, 12, 0, 0, DateTimeKind.Local)));
    }

    private static DateTime RoundTripped(DateTime time) => Read(ValueCodec.Encode(time, typeof(DateTime), Serializer));

    private static DateTime Read(byte[] encoded)
    {
        Assert.That(ValueCodec.TryDecode(encoded, out object? value), Is.True);
        return (DateTime)value!;
    }

    private static void SetZone(string? zone)
    {
        Environment.SetEnvironmentVariable("TZ", zone);
        TimeZoneInfo.ClearCachedData();
    }
}
