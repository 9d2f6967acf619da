using System.Globalization;
using FsCheck;
using FsCheck.Fluent;
using Microsoft.Extensions.Time.Testing;
using WorkflowSessions.Contracts;

namespace WorkflowSessions.Tests;

/// <summary>Random operations on many workflows of one dictionary, against nested dictionaries that can't leak.</summary>
public sealed class IsolationModelTests
{
    private static readonly Gen<string> Names = Gen.Frequency(
        (3, Gen.Elements(AdversarialNames.All.ToArray())),
        // What is made of the layout's own letters.
        (3, Gen.ArrayOf(Gen.Elements("a", "b", "_", "%", "5F", "25", "last_modified", "workflow_")).Where(IsName).Select(string.Concat)),
        (
            1,
            Gen.ArrayOf(Gen.Choose(0x20, 0xFFFF).Where(c => c is < 0xD800 or > 0xDFFF).Select(c => ((char)c).ToString()))
                .Where(IsName)
                .Select(string.Concat)
        )
    );

    // Few names a sequence, so that operations meet.
    private static readonly Gen<Step[]> Sequences =
        from ids in Gen.ArrayOf(Names, 5)
        from keys in Gen.ArrayOf(Names, 5)
        from steps in Gen.ArrayOf(
            from operation in Gen.Elements(Enum.GetValues<Operation>())
            from id in Gen.Elements(ids)
            from key in Gen.Elements([.. keys, .. ids])
            from value in Gen.Choose(0, 3)
            select new Step(operation, id, key, value),
            30
        )
        select steps;

    private enum Operation
    {
        Set,
        SetNull,
        Get,
        Has,
        Delete,
        Clear,
        End,
        GetAll,
        RemoveStamp,
    }

    [Test]
    public void No_operation_reaches_another_workflow_in_a_dictionary() =>
        RandomInput.Check(Sequences, RandomInput.Sequences, steps => Run(new Dictionary<string, object?>(), steps), RandomInput.Shorter);

    [Test]
    public void No_operation_reaches_another_workflow_in_any_other_dictionary() =>
        RandomInput.Check(
            Sequences,
            RandomInput.Sequences,
            steps => Run(new OrderedDictionary<string, object?>(), steps),
            RandomInput.Shorter
        );

    [Test]
    public void No_operation_reaches_another_workflow_under_the_Turkish_culture()
    {
        CultureInfo before = CultureInfo.CurrentCulture;
        CultureInfo.CurrentCulture = CultureInfo.GetCultureInfo("tr-TR");
        try
        {
            Assert.That("i".ToUpper(CultureInfo.CurrentCulture), Is.EqualTo("\u0130"), "the culture has its own rules");
            RandomInput.Check(
                Sequences,
                RandomInput.Sequences,
                steps => Run(new Dictionary<string, object?>(), steps),
                RandomInput.Shorter
            );
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }
    }

    [Test]
    public void Model_catches_the_layout_that_does_not_escape()
    {
        // The layout that the model must not pass: id and key behind one another as they are.
        Step[] steps = [new(Operation.Set, "a_b", "x", 1), new(Operation.Has, "a", "b_x", 0)];
        Assert.That(() => Run(new Dictionary<string, object?>(), steps), Throws.Nothing);
        Assert.That(
            () => Run(new DelegatingDictionary(new Dictionary<string, object?>(new UnescapedComparer())), steps),
            Throws.InstanceOf<ModelException>()
        );
    }

    private static bool IsName(string[] parts) => parts.Sum(part => part.Length) is > 0 and <= 128;

    private static void Run(IDictionary<string, object?> session, Step[] steps)
    {
        FakeTimeProvider clock = new(DateTimeOffset.UnixEpoch.AddSeconds(1_000_000));
        Dictionary<string, object?> foreign = new(StringComparer.Ordinal)
        {
            ["auth"] = "user",
            ["workflow_"] = 1,
            ["workflow_a"] = 2,
            ["workflow_%5f_x"] = 3,
            ["__last_modified"] = 4,
        };
        foreach ((string slot, object? value) in foreign)
        {
            session[slot] = value;
        }

        Dictionary<string, Dictionary<string, object?>> entries = new(StringComparer.Ordinal);
        Dictionary<string, DateTimeOffset> stamps = new(StringComparer.Ordinal);
        foreach (Step step in steps)
        {
            clock.Advance(TimeSpan.FromSeconds(1));
            WorkflowSession workflow = new(session, step.Id, clock);
            if (!entries.TryGetValue(step.Id, out Dictionary<string, object?>? expected))
            {
                entries[step.Id] = expected = new(StringComparer.Ordinal);
            }

            bool there = expected.TryGetValue(step.Key, out object? value);
            switch (step.Operation)
            {
                case Operation.Set:
                    workflow.Set(step.Key, step.Value);
                    expected[step.Key] = step.Value;
                    stamps[step.Id] = clock.GetUtcNow();
                    break;
                case Operation.SetNull:
                    workflow.Set<string?>(step.Key, null);
                    expected[step.Key] = null;
                    stamps[step.Id] = clock.GetUtcNow();
                    break;
                case Operation.Get:
                    Expect(Equals(workflow.Get<object>(step.Key, "absent"), there ? value : "absent"), step, "reads another value");
                    break;
                case Operation.Has:
                    Expect(workflow.Has(step.Key) == there, step, "is wrong");
                    break;
                case Operation.Delete:
                    Expect(workflow.Delete(step.Key) == there, step, "returns the wrong answer");
                    if (expected.Remove(step.Key))
                    {
                        stamps[step.Id] = clock.GetUtcNow();
                    }

                    break;
                case Operation.Clear:
                    workflow.Clear();
                    expected.Clear();
                    stamps[step.Id] = clock.GetUtcNow();
                    break;
                case Operation.End:
                    workflow.End();
                    expected.Clear();
                    stamps.Remove(step.Id);
                    break;
                case Operation.GetAll:
                    break;
                case Operation.RemoveStamp:
                    session.Remove(FlatKeyLayout.StampKey(step.Id));
                    stamps.Remove(step.Id);
                    break;
            }

            ExpectSame(workflow, expected, stamps, step);
        }

        foreach ((string id, Dictionary<string, object?> expected) in entries)
        {
            ExpectSame(new WorkflowSession(session, id, clock), expected, stamps, steps[^1]);
        }

        // Nothing else was written, and what others wrote is as it was.
        int slots = foreign.Count + entries.Values.Sum(expected => expected.Count) + stamps.Count;
        Expect(session.Count == slots, steps, $"left {session.Count} slots, not {slots}");
        Expect(foreign.All(slot => Equals(session[slot.Key], slot.Value)), steps, "touched a slot of others");
    }

    private static void ExpectSame(
        WorkflowSession workflow,
        Dictionary<string, object?> expected,
        Dictionary<string, DateTimeOffset> stamps,
        Step step
    )
    {
        IReadOnlyDictionary<string, object?> all = workflow.GetAll();
        Expect(
            all.Count == expected.Count
                && expected.All(entry => all.TryGetValue(entry.Key, out object? value) && Equals(value, entry.Value)),
            step,
            "leaves other entries"
        );
        Expect(workflow.Count == expected.Count, step, "leaves another count");
        DateTimeOffset? stamp = stamps.TryGetValue(workflow.Id, out DateTimeOffset time) ? time : null;
        Expect(workflow.LastModified == stamp, step, $"leaves the stamp {workflow.LastModified}, not {stamp}");
    }

    private static void Expect(bool condition, object step, string what)
    {
        if (!condition)
        {
            throw new ModelException($"{step} {what}.");
        }
    }

    private sealed record Step(Operation Operation, string Id, string Key, int Value);

    private sealed class ModelException(string message) : Exception(message);

    /// <summary>Takes an escaped underscore for a bare one, as if ids were written as they are.</summary>
    private sealed class UnescapedComparer : IEqualityComparer<string>
    {
        public bool Equals(string? x, string? y) => string.Equals(Unescape(x), Unescape(y), StringComparison.Ordinal);

        public int GetHashCode(string obj) => Unescape(obj)!.GetHashCode(StringComparison.Ordinal);

        private static string? Unescape(string? slot) => slot?.Replace("%5F", "_", StringComparison.Ordinal);
    }
}
