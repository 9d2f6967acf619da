using System.Globalization;
using System.Security.Cryptography;
using FsCheck;
using FsCheck.Fluent;

namespace WorkflowSessions.Contracts;

/// <summary>Checks a property on random input. The seed is printed; WORKFLOWSESSIONS_SEED repeats a run.</summary>
public static class RandomInput
{
    /// <summary>How many sequences of operations a model test runs: 10,000, or what WORKFLOWSESSIONS_SEQUENCES says.</summary>
    public static int Sequences => (int)(FromEnvironment("WORKFLOWSESSIONS_SEQUENCES") ?? 10_000);

    /// <summary>How many damages a test does to what is stored: 10,000, or what WORKFLOWSESSIONS_DAMAGES says.</summary>
    public static long Damages => (long)(FromEnvironment("WORKFLOWSESSIONS_DAMAGES") ?? 10_000);

    /// <summary>How many programs a differential test runs: 3,000, or what WORKFLOWSESSIONS_PROGRAMS says.</summary>
    public static int Programs => (int)(FromEnvironment("WORKFLOWSESSIONS_PROGRAMS") ?? 3_000);

    /// <summary>Runs the check on random values; it throws for a value that does not have the property.</summary>
    public static void Check<T>(Gen<T> values, int count, Action<T> check, Func<T, IEnumerable<T>>? shrink = null)
    {
        ulong seed = Seed();
        Arbitrary<T> arbitrary = shrink is null ? Arb.From(values) : Arb.From(values, shrink);
        Config config = Config.QuickThrowOnFailure.WithMaxTest(count).WithQuietOnSuccess(true).WithReplay(new Replay(new Rnd(seed), null));
        FsCheck.Check.One(config, Prop.ForAll(arbitrary, check));
    }

    /// <summary>The seed of this run, printed.</summary>
    /// <param name="usual">The seed where the environment names none; null for another in each run.</param>
    public static ulong Seed(ulong? usual = null)
    {
        ulong seed = FromEnvironment("WORKFLOWSESSIONS_SEED") ?? usual ?? BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(8));
        TestContext.Out.WriteLine($"WORKFLOWSESSIONS_SEED={seed}");
        return seed;
    }

    /// <summary>A sequence without one of its halves, or without one of its elements.</summary>
    public static IEnumerable<T[]> Shorter<T>(T[] sequence)
    {
        ArgumentNullException.ThrowIfNull(sequence);
        if (sequence.Length > 3)
        {
            yield return sequence[..(sequence.Length / 2)];
            yield return sequence[(sequence.Length / 2)..];
        }

        for (int i = 0; i < sequence.Length; i++)
        {
            yield return [.. sequence[..i], .. sequence[(i + 1)..]];
        }
    }

    private static ulong? FromEnvironment(string name) =>
        Environment.GetEnvironmentVariable(name) is { Length: > 0 } text ? ulong.Parse(text, CultureInfo.InvariantCulture) : null;
}
