using System.Text;
using WorkflowSessions.Contracts;

namespace WorkflowSessions.Tests;

/// <summary>Damaged bytes of single values. ./build.sh --target=Damage does a million.</summary>
public sealed class DamageTests
{
    private static readonly JsonSessionSerializer Serializer = new();

    [Test]
    public void Damaged_value_is_a_value_or_none()
    {
        byte[][] golden =
        [
            .. Directory
                .EnumerateFiles(Path.Combine(TestContext.CurrentContext.TestDirectory, "Payloads", "v1"))
                .Order(StringComparer.Ordinal)
                .Select(File.ReadAllBytes),
        ];
        ulong seed = RandomInput.Seed();
        long read = 0;
        for (long number = 0; number < RandomInput.Damages; number++)
        {
            Damage damage = new(seed, number);
            byte[] bytes = damage.Bytes(damage.Any(golden));
            bytes = damage.Next(4) == 0 ? damage.Bytes(bytes) : bytes;
            string? failure = Failure(bytes, ref read);
            Assert.That(failure, Is.Null, $"seed {seed}, damage {number}");
        }

        TestContext.Out.WriteLine($"{RandomInput.Damages} damaged values, of which {read} read as another.");
        Assert.That(read, Is.Positive);
    }

    [TestCase("{}")]
    [TestCase("[]")]
    [TestCase("{\"\":0}")]
    [TestCase("\"\"")]
    public void Many_small_parts_of_an_object_take_their_share_of_memory(string part)
    {
        byte[] json = Encoding.UTF8.GetBytes($"[{string.Join(',', Enumerable.Repeat(part, 100_000))}]");
        long before = GC.GetAllocatedBytesForCurrentThread();
        object? read = Serializer.Deserialize(json, typeof(object));
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        TestContext.Out.WriteLine($"{(double)allocated / json.Length:0} bytes for each that is stored");
        Assert.That(read, Has.Property("Count").EqualTo(100_000));
        Assert.That(allocated, Is.LessThan(64L * json.Length));
    }

    private static string? Failure(byte[] bytes, ref long read)
    {
        try
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            bool decoded = ValueCodec.TryDecode(bytes, out object? value);
            long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            if (allocated > (64L * bytes.Length) + 65_536)
            {
                return $"{allocated} bytes were allocated for {bytes.Length}";
            }

            if (!decoded)
            {
                return value is null ? null : "a value came with a refusal";
            }

            read++;
            // What was read is a value like any other: it can be stored, and is then the same.
            byte[] stored = ValueCodec.Encode(value, typeof(object), Serializer);
            return !ValueCodec.TryDecode(stored, out object? again) ? "what was read is not readable when it is stored"
                : !ValueCodec.Encode(again, typeof(object), Serializer).SequenceEqual(stored)
                    ? "what was read is another value when it is stored"
                : null;
        }
        catch (Exception error)
        {
            return error.GetType().ToString();
        }
    }
}
