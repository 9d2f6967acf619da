using System.Buffers.Binary;
using System.Text;
using Microsoft.Extensions.Caching.Distributed;
using WorkflowSessions.Contracts;

namespace WorkflowSessions.DistributedCache.Tests;

/// <summary>
/// Damaged payloads of a cache: told, or read as what their bytes say; nothing else is touched. ./build.sh --target=Damage does a million.
/// </summary>
public sealed class DamageTests
{
    private const string Marker = "of somebody else";
    private const int Header = 33;

    [Test]
    public async Task Damaged_payload_is_told_or_read_as_what_it_says()
    {
        await using CacheHarness harness = new();
        WorkflowSession workflow = await OpenAsync(harness);
        EveryKind.Set(workflow);
        await workflow.CommitAsync();
        foreach ((string session, string id) in new[] { ("alice", "other"), ("bob", "checkout") })
        {
            WorkflowSession others = new(harness.Open(session), id);
            await others.LoadAsync();
            others.Set("int", Marker);
            others.Set("of another", Marker);
            await others.CommitAsync();
        }

        byte[] stored = (await harness.Cache.GetAsync(harness.Key("checkout")))!;
        byte[] other = (await harness.Cache.GetAsync(harness.Key("other")))!;
        EveryKind everyKind = new(Parse(stored)!);
        ulong seed = RandomInput.Seed();
        int told = 0;
        for (long number = 0; number < RandomInput.Damages; number++)
        {
            string? failure;
            try
            {
                byte[] damaged = Damaged(new Damage(seed, number), stored);
                await harness.Cache.SetAsync(harness.Key("checkout"), damaged, new DistributedCacheEntryOptions());
                bool wasTold;
                (failure, wasTold) = await FailureAsync(harness, everyKind, damaged);
                told += wasTold ? 1 : 0;
                failure ??= (await harness.Cache.GetAsync(harness.Key("other")))!.SequenceEqual(other)
                    ? null
                    : "another workflow was changed";
            }
            catch (Exception error)
            {
                failure = $"{error.GetType()} {error.StackTrace}";
            }

            Assert.That(failure, Is.Null, $"seed {seed}, damage {number}");
        }

        WorkflowSession bobs = new(harness.Open("bob"), "checkout");
        await bobs.LoadAsync();
        Assert.That(bobs.GetAll(), Is.EquivalentTo(new Dictionary<string, object?> { ["int"] = Marker, ["of another"] = Marker }));
        await TestContext.Out.WriteLineAsync($"{RandomInput.Damages} damaged payloads, of which {told} were told.");
        Assert.That(told, Is.Positive.And.LessThan(RandomInput.Damages));
    }

    private static async Task<(string? Failure, bool Told)> FailureAsync(CacheHarness harness, EveryKind everyKind, byte[] damaged)
    {
        Dictionary<string, byte[]>? entries = Parse(damaged);
        string? failure = FailureOfReading(damaged);
        if (failure is not null)
        {
            return (failure, false);
        }

        WorkflowSession workflow = new(harness.Open("alice"), "checkout");
        try
        {
            await workflow.LoadAsync();
        }
        catch (SessionStoreException error)
        {
            bool unchanged = (await harness.Cache.GetAsync(harness.Key("checkout")))!.SequenceEqual(damaged);
            return (
                entries is not null ? "a payload of the documented form was not loaded"
                : !unchanged ? "a load that failed has changed what is stored"
                : error.Message.Contains("alice", StringComparison.Ordinal) ? "the message has the id of the session"
                : null,
                true
            );
        }

        if (entries is null)
        {
            return ("a payload that is not of the documented form was loaded", false);
        }

        // What says that it is over is over.
        long deadline = BinaryPrimitives.ReadInt64LittleEndian(damaged.AsSpan(25));
        bool over = deadline != 0 && deadline <= harness.Clock.GetUtcNow().ToUnixTimeMilliseconds();
        Dictionary<string, byte[]> expected = over ? [] : entries;
        failure = everyKind.Failure(workflow, expected);
        workflow.Set("added", 42);
        try
        {
            await workflow.CommitAsync();
        }
        catch (WorkflowSessionException)
        {
            bool unchanged = (await harness.Cache.GetAsync(harness.Key("checkout")))!.SequenceEqual(damaged);
            return (failure ?? (unchanged ? null : "a commit that failed has changed what is stored"), false);
        }

        expected["added"] = "i42"u8.ToArray();
        Dictionary<string, byte[]>? now = Parse((await harness.Cache.GetAsync(harness.Key("checkout")))!);
        bool same =
            now is not null
            && now.Count == expected.Count
            && expected.All(entry => now.TryGetValue(entry.Key, out byte[]? bytes) && bytes.AsSpan().SequenceEqual(entry.Value));
        return (failure ?? (same ? null : "a commit has changed more than it set"), false);
    }

    private static string? FailureOfReading(byte[] damaged)
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        try
        {
            _ = WorkflowPayload.Read(damaged);
        }
        catch (FormatException)
        {
            // The load tells.
        }

        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        return allocated > (64L * damaged.Length) + 65_536 ? $"{allocated} bytes were allocated for {damaged.Length}" : null;
    }

    private static byte[] Damaged(Damage damage, byte[] stored)
    {
        switch (damage.Next(10))
        {
            case 0 or 1:
                return damage.Bytes(stored);
            case 2:
                byte[] version = [.. stored];
                version[0] = (byte)damage.Next(256);
                return version;
            case 3:
                byte[] header = [.. stored];
                BinaryPrimitives.WriteInt64LittleEndian(
                    header.AsSpan(1 + (8 * damage.Next(4))),
                    damage.Any([0, -1, 1, long.MaxValue, long.MinValue, 253402300800000, 253402300799999, 1L << damage.Next(63)])
                );
                return header;
            default:
                return DamagedEntries(damage, stored);
        }
    }

    private static byte[] DamagedEntries(Damage damage, byte[] stored)
    {
        List<(byte[] Key, byte[] Value)> entries = [.. Parse(stored)!.Select(entry => (Encoding.UTF8.GetBytes(entry.Key), entry.Value))];
        ulong count = (ulong)entries.Count;
        int wrong = -1;
        for (int i = damage.Next(3); i >= 0; i--)
        {
            int at = damage.Next(entries.Count);
            int other = damage.Next(entries.Count);
            (byte[] key, byte[] value) = entries[at];
            switch (damage.Next(8))
            {
                case 0 or 1 or 2:
                    entries[at] = (key, damage.Bytes(value));
                    break;
                case 3:
                    entries[at] = (damage.Bytes(key), value);
                    break;
                case 4:
                    entries[at] = (key, entries[other].Value);
                    entries[other] = (entries[other].Key, value);
                    break;
                case 5:
                    entries[at] = (entries[other].Key, value);
                    break;
                case 6:
                    entries.Insert(other, (damage.Next(2) == 0 ? key : damage.Bytes(key), value));
                    count = (ulong)entries.Count;
                    break;
                default:
                    wrong = damage.Next(2 * entries.Count);
                    break;
            }
        }

        count = damage.Next(20) == 0 ? Length(damage) : count;
        List<byte> payload = [.. stored[..Header]];
        Write(payload, count);
        for (int i = 0; i < entries.Count; i++)
        {
            Write(payload, wrong == 2 * i ? Length(damage) : (ulong)entries[i].Key.Length);
            payload.AddRange(entries[i].Key);
            Write(payload, wrong == (2 * i) + 1 ? Length(damage) : (ulong)entries[i].Value.Length);
            payload.AddRange(entries[i].Value);
        }

        return [.. payload];
    }

    private static ulong Length(Damage damage) =>
        damage.Next(3) switch
        {
            0 => (ulong)damage.Next(1_000),
            1 => 1UL << damage.Next(64),
            _ => (1UL << damage.Next(64)) - 1,
        };

    private static void Write(List<byte> payload, ulong length)
    {
        for (; length >= 0x80; length >>= 7)
        {
            payload.Add((byte)(length | 0x80));
        }

        payload.Add((byte)length);
    }

    /// <summary>The entries of a payload by what is documented of it; null when it is something else.</summary>
    private static Dictionary<string, byte[]>? Parse(byte[] payload)
    {
        try
        {
            if (payload[0] != 1)
            {
                return null;
            }

            _ = DateTimeOffset.FromUnixTimeMilliseconds(BinaryPrimitives.ReadInt64LittleEndian(payload.AsSpan(17)));
            _ = DateTimeOffset.FromUnixTimeMilliseconds(BinaryPrimitives.ReadInt64LittleEndian(payload.AsSpan(25)));
            UTF8Encoding strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);
            int at = Header;
            Dictionary<string, byte[]> entries = new(StringComparer.Ordinal);
            for (long left = Number(); left > 0; left--)
            {
                entries.Add(strict.GetString(Take()), Take());
            }

            return at == payload.Length ? entries : null;

            long Number()
            {
                long number = 0;
                for (int shift = 0; ; shift += 7)
                {
                    byte part = payload[at++];
                    number |= (long)(part & 0x7F) << shift;
                    if (part < 0x80)
                    {
                        return number <= int.MaxValue ? number : throw new FormatException();
                    }

                    if (shift == 28)
                    {
                        throw new FormatException();
                    }
                }
            }

            byte[] Take()
            {
                int length = (int)Number();
                byte[] taken = payload.AsSpan(at, length).ToArray();
                at += length;
                return taken;
            }
        }
        catch (Exception error) when (error is ArgumentException or FormatException or IndexOutOfRangeException)
        {
            return null;
        }
    }

    private static async Task<WorkflowSession> OpenAsync(CacheHarness harness)
    {
        WorkflowSession workflow = new(harness.Open("alice"), "checkout");
        await workflow.LoadAsync();
        return workflow;
    }
}
