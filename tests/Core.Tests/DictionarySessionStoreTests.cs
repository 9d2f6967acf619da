using System.Collections.Concurrent;
using System.Collections.Frozen;
using System.Collections.Immutable;
using System.Collections.ObjectModel;
using System.Globalization;
using Microsoft.Extensions.Time.Testing;

namespace WorkflowSessions.Tests;

/// <summary>What is particular to a dictionary: its raw slots, its comparer, its exceptions.</summary>
public sealed class DictionarySessionStoreTests
{
    private readonly FakeTimeProvider _clock = new(DateTimeOffset.UnixEpoch.AddSeconds(1_700_000_000.25));

    private static IEnumerable<IDictionary<string, object?>> NotOrdinal =>
        [
            new Dictionary<string, object?>(StringComparer.OrdinalIgnoreCase),
            new Dictionary<string, object?>(StringComparer.InvariantCulture),
            new Dictionary<string, object?>(StringComparer.CurrentCultureIgnoreCase),
            new Dictionary<string, object?>(StringComparer.Create(CultureInfo.GetCultureInfo("tr-TR"), ignoreCase: true)),
            new Dictionary<string, object?>(new LooseComparer()),
            new ConcurrentDictionary<string, object?>(StringComparer.OrdinalIgnoreCase),
            new OrderedDictionary<string, object?>(StringComparer.OrdinalIgnoreCase),
            new SortedDictionary<string, object?>(),
            new SortedDictionary<string, object?>(StringComparer.OrdinalIgnoreCase),
            new SortedDictionary<string, object?>(new LooseComparer()),
            new SortedDictionary<string, object?>(Comparer<string>.Create(StringComparer.InvariantCulture.Compare)),
            new SortedList<string, object?>(),
            new Dictionary<string, object?>().ToFrozenDictionary(StringComparer.OrdinalIgnoreCase),
            ImmutableDictionary.Create<string, object?>(StringComparer.OrdinalIgnoreCase),
            ImmutableDictionary.CreateBuilder<string, object?>(StringComparer.OrdinalIgnoreCase),
            ImmutableSortedDictionary<string, object?>.Empty,
            ImmutableSortedDictionary.CreateBuilder<string, object?>(),
        ];

    private static IEnumerable<IDictionary<string, object?>> Ordinal =>
        [
            new Dictionary<string, object?>(),
            new Dictionary<string, object?>(StringComparer.Ordinal),
            new Dictionary<string, object?>(new StrictComparer()),
            new SortedDictionary<string, object?>(StringComparer.Ordinal),
            new SortedDictionary<string, object?>(new StrictComparer()),
            new SortedList<string, object?>(StringComparer.Ordinal),
            ImmutableDictionary.CreateBuilder<string, object?>(),
            ImmutableSortedDictionary.CreateBuilder<string, object?>(StringComparer.Ordinal),
        ];

    private static IEnumerable<IDictionary<string, object?>> ReadOnly =>
        [
            new ReadOnlyDictionary<string, object?>(new Dictionary<string, object?> { ["workflow_a_x"] = 1 }),
            new Dictionary<string, object?> { ["workflow_a_x"] = 1 }.ToFrozenDictionary(StringComparer.Ordinal),
            ImmutableDictionary.CreateRange<string, object?>([new("workflow_a_x", 1)]),
        ];

    private static IEnumerable<object?> FiniteNumbers =>
        [1_700_000_000.0, 1_700_000_000, 1_700_000_000L, 1_700_000_000U, 1_700_000_000UL, 1_700_000_000m, (Int128)1_700_000_000];

    private static IEnumerable<object?> NotStamps =>
        [
            null,
            "1700000000",
            true,
            double.NaN,
            double.PositiveInfinity,
            double.NegativeInfinity,
            1e300,
            -1e300,
            'a',
            DateTime.UnixEpoch,
            new object(),
        ];

    [Test]
    public void Slots_are_those_of_the_flat_layout()
    {
        Dictionary<string, object?> session = [];
        WorkflowSession workflow = new(session, "a_b", _clock);
        Assert.That(session, Is.Empty);
        workflow.Set("x_y", "v");
        Assert.That(
            session,
            Is.EqualTo(new Dictionary<string, object?> { ["workflow_a%5Fb_x_y"] = "v", ["__a%5Fb_last_modified"] = 1_700_000_000.25 })
        );
        workflow.Clear();
        Assert.That(session, Is.EqualTo(new Dictionary<string, object?> { ["__a%5Fb_last_modified"] = 1_700_000_000.25 }));
        workflow.End();
        Assert.That(session, Is.Empty);
    }

    [Test]
    public void Values_are_kept_by_reference()
    {
        Dictionary<string, object?> session = [];
        WorkflowSession workflow = new(session, "a");
        List<string> items = ["one"];
        workflow.Set("items", items);
        items.Add("two");
        Assert.That(workflow.Get<List<string>>("items"), Is.SameAs(items));
        Assert.That(workflow.Get<IEnumerable<string>>("items"), Is.SameAs(items));
        Assert.That(workflow.GetAll()["items"], Is.SameAs(items));
        Assert.That(session["workflow_a_items"], Is.SameAs(items));
    }

    [Test]
    public async Task Slots_of_others_are_never_touched()
    {
        Dictionary<string, object?> foreign = new()
        {
            ["auth"] = "user",
            ["workflow_a"] = 1,
            ["workflow_"] = 2,
            ["workflow_%_x"] = 3,
            ["__last_modified"] = 4,
        };
        Dictionary<string, object?> session = new(foreign);
        WorkflowSession workflow = new(session, "a");
        workflow.Set("x", 1);
        workflow.Clear();
        workflow.Set("x", 1);
        await new DictionarySessionStore(session).EndAsync();
        Assert.That(session, Is.EquivalentTo(foreign));
    }

    [Test]
    public void Slot_with_a_key_that_nobody_could_set_is_data_all_the_same()
    {
        string longKey = new('x', 300);
        Dictionary<string, object?> session = new()
        {
            ["workflow_a_"] = 1,
            ["workflow_a_" + longKey] = 2,
            ["workflow_ab_"] = 3,
        };
        WorkflowSession workflow = new(session, "a", _clock);
        Assert.That(workflow.GetAll(), Is.EquivalentTo(new Dictionary<string, object?> { [""] = 1, [longKey] = 2 }));
        Assert.That(workflow.Count, Is.EqualTo(2));
        Assert.That(() => workflow.Get<int>(longKey), Throws.ArgumentException);
        workflow.Clear();
        Assert.That(session.Keys, Is.EquivalentTo(new[] { "workflow_ab_", "__a_last_modified" }));
    }

    [TestCaseSource(nameof(FiniteNumbers))]
    public void Any_finite_number_is_a_stamp(object? stamp)
    {
        WorkflowSession workflow = new(new Dictionary<string, object?> { ["__a_last_modified"] = stamp }, "a");
        Assert.That(workflow.LastModified, Is.EqualTo(DateTimeOffset.UnixEpoch.AddSeconds(1_700_000_000)));
    }

    [Test]
    public void Stamps_reach_as_far_as_a_date_does()
    {
        foreach (double seconds in new[] { -62_135_596_800.0, -1.5, 0, 253_402_300_799.0 })
        {
            WorkflowSession workflow = new(new Dictionary<string, object?> { ["__a_last_modified"] = seconds }, "a");
            Assert.That(workflow.LastModified, Is.EqualTo(DateTimeOffset.UnixEpoch.AddSeconds(seconds)));
        }
    }

    [TestCaseSource(nameof(NotStamps))]
    public void Anything_else_is_no_stamp_until_the_next_write(object? stamp)
    {
        Dictionary<string, object?> session = new() { ["__a_last_modified"] = stamp };
        WorkflowSession workflow = new(session, "a", _clock);
        Assert.That(workflow.LastModified, Is.Null);
        workflow.Set("x", 1);
        Assert.That(session["__a_last_modified"], Is.EqualTo(1_700_000_000.25));
        Assert.That(workflow.LastModified, Is.EqualTo(_clock.GetUtcNow()));
    }

    [Test]
    public void Stamp_is_of_the_systems_clock_unless_there_is_another()
    {
        Dictionary<string, object?> session = [];
        DateTimeOffset before = TimeProvider.System.GetUtcNow();
        WorkflowSession workflow = new(session, "a");
        workflow.Set("x", 1);
        Assert.That(workflow.LastModified, Is.InRange(before.AddMilliseconds(-1), TimeProvider.System.GetUtcNow().AddMilliseconds(1)));
    }

    [TestCaseSource(nameof(NotOrdinal))]
    public void Dictionary_that_does_not_compare_ordinally_is_refused(IDictionary<string, object?> session)
    {
        Assert.That(
            () => new WorkflowSession(session, "a"),
            Throws.ArgumentException.With.Message.Contains("StringComparer.Ordinal").And.Property("ParamName").EqualTo("session")
        );
        Assert.That(session, Is.Empty);
    }

    [TestCaseSource(nameof(Ordinal))]
    public void Dictionary_that_compares_ordinally_is_taken(IDictionary<string, object?> session)
    {
        WorkflowSession workflow = new(session, "a", _clock);
        workflow.Set("x", 1);
        workflow.Set("X", 2);
        Assert.That(workflow.Get<int>("x"), Is.EqualTo(1));
        Assert.That(workflow.Delete("X"), Is.True);
        Assert.That(session, Has.Count.EqualTo(2));
    }

    [Test]
    public void Null_is_refused()
    {
        Assert.Multiple(() =>
        {
            Assert.That(() => new WorkflowSession((IDictionary<string, object?>)null!, "a"), Throws.ArgumentNullException);
            Assert.That(() => new WorkflowSession((ISessionStore)null!, "a"), Throws.ArgumentNullException);
            Assert.That(() => new DictionarySessionStore(null!), Throws.ArgumentNullException);
            Assert.That(() => new WorkflowSession(new Dictionary<string, object?>(), null!), Throws.ArgumentNullException);
            Assert.That(() => new WorkflowSummary(""), Throws.ArgumentException);
        });
    }

    [TestCaseSource(nameof(ReadOnly))]
    public void Read_only_dictionary_is_read_and_its_own_exception_reaches_the_caller(IDictionary<string, object?> session)
    {
        WorkflowSession workflow = new(session, "a");
        Assert.Multiple(() =>
        {
            Assert.That(workflow.Get<int>("x"), Is.EqualTo(1));
            Assert.That(workflow.GetAll(), Has.Count.EqualTo(1));
            Assert.That(() => workflow.Set("x", 2), Throws.InstanceOf<NotSupportedException>());
            Assert.That(() => workflow.Set("y", 2), Throws.InstanceOf<NotSupportedException>());
            Assert.That(() => workflow.Delete("x"), Throws.InstanceOf<NotSupportedException>());
            Assert.That(() => workflow.Clear(), Throws.InstanceOf<NotSupportedException>());
            Assert.That(() => workflow.End(), Throws.InstanceOf<NotSupportedException>());
            Assert.That(async () => await workflow.UpdateAsync(w => w.Set("y", 2)), Throws.InstanceOf<NotSupportedException>());
            Assert.That(() => workflow.Delete("absent"), Throws.Nothing);
        });
        Assert.That(session, Is.EqualTo(new Dictionary<string, object?> { ["workflow_a_x"] = 1 }));
    }

    [Test]
    public void Failed_stamp_takes_the_value_back()
    {
        Dictionary<string, object?> content = new() { ["workflow_a_x"] = 1, ["workflow_a_y"] = null };
        Dictionary<string, object?> before = new(content);
        FailingDictionary session = new(content) { FailsToWrite = slot => slot.EndsWith("last_modified", StringComparison.Ordinal) };
        WorkflowSession workflow = new(session, "a");
        Action[] changes =
        [
            () => workflow.Set("x", 2),
            () => workflow.Set("new", 2),
            () => workflow.Delete("x"),
            () => workflow.Delete("y"),
            workflow.Clear,
        ];
        foreach (Action change in changes)
        {
            Assert.That(() => change(), Throws.Exception.SameAs(FailingDictionary.Failure));
            Assert.That(content, Is.EquivalentTo(before));
        }
    }

    [Test]
    public void Failed_removal_takes_the_removals_before_it_back()
    {
        OrderedDictionary<string, object?> content = new()
        {
            ["workflow_a_x"] = 1,
            ["workflow_a_y"] = 2,
            ["__a_last_modified"] = 3.0,
        };
        Dictionary<string, object?> before = new(content);
        FailingDictionary session = new(content) { FailsToRemove = slot => slot.EndsWith("_y", StringComparison.Ordinal) };
        WorkflowSession workflow = new(session, "a");
        Assert.That(workflow.Clear, Throws.Exception.SameAs(FailingDictionary.Failure));
        Assert.That(content, Is.EquivalentTo(before));
        Assert.That(workflow.End, Throws.Exception.SameAs(FailingDictionary.Failure));
        Assert.That(content, Is.EquivalentTo(before));
    }

    [Test]
    public void Failure_to_take_back_does_not_hide_the_failure_before_it()
    {
        Dictionary<string, object?> content = new() { ["workflow_a_x"] = 1 };
        FailingDictionary session = new(content) { FailsToRemove = _ => true };
        session.FailsToWrite = slot => slot.EndsWith("last_modified", StringComparison.Ordinal);
        Assert.That(() => new WorkflowSession(session, "a").Set("new", 2), Throws.Exception.SameAs(FailingDictionary.Failure));
    }

    [Test]
    public void Entry_that_another_thread_removed_meanwhile_was_not_deleted_here()
    {
        Dictionary<string, object?> content = new() { ["workflow_a_x"] = 1 };
        FailingDictionary session = new(content) { BeforeRemove = slot => content.Remove(slot) };
        WorkflowSession workflow = new(session, "a");
        Assert.That(workflow.Delete("x"), Is.False);
        Assert.That(content, Is.Empty);
    }

    [Test]
    public void Asynchronous_members_complete_at_once()
    {
        WorkflowSession workflow = new(new Dictionary<string, object?>(), "a");
        DictionarySessionStore store = new(new Dictionary<string, object?>());
        Assert.Multiple(() =>
        {
            Assert.That(workflow.LoadAsync().IsCompletedSuccessfully, Is.True);
            Assert.That(workflow.CommitAsync().IsCompletedSuccessfully, Is.True);
            Assert.That(workflow.UpdateAsync(w => w.Set("x", 1)).IsCompletedSuccessfully, Is.True);
            Assert.That(workflow.UpdateAsync((w, _) => ValueTask.FromResult(1)).IsCompletedSuccessfully, Is.True);
            Assert.That(store.ListAsync().IsCompletedSuccessfully, Is.True);
            Assert.That(store.EndAsync().IsCompletedSuccessfully, Is.True);
        });
    }

    [Test]
    public void Only_the_box_of_the_stamp_is_allocated()
    {
        WorkflowSession workflow = new(new Dictionary<string, object?>(), "checkout_a");
        workflow.Set("email", "user@example.com");
        AssertAllocates(0, () => workflow.Get<string>("email"));
        AssertAllocates(0, () => workflow.Get("absent", ""));
        AssertAllocates(0, () => workflow.Has("email"));
        AssertAllocates(0, () => workflow.Delete("absent"));
        AssertAllocates(24, () => workflow.Set("email", "other"));
    }

    /// <summary>Calls until a call allocates what it should: the first ones are not compiled in full, and such code may box.</summary>
    private static void AssertAllocates(long expected, Action action)
    {
        long allocated;
        DateTimeOffset end = TimeProvider.System.GetUtcNow().AddMinutes(2);
        do
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            action();
            allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        } while (allocated != expected && TimeProvider.System.GetUtcNow() < end);

        Assert.That(allocated, Is.EqualTo(expected));
    }

    private sealed class LooseComparer : IEqualityComparer<string>, IComparer<string>
    {
        public bool Equals(string? x, string? y) => string.Equals(x, y, StringComparison.OrdinalIgnoreCase);

        public int GetHashCode(string obj) => obj.GetHashCode(StringComparison.OrdinalIgnoreCase);

        public int Compare(string? x, string? y) => string.Compare(x, y, StringComparison.OrdinalIgnoreCase);
    }

    private sealed class StrictComparer : IEqualityComparer<string>, IComparer<string>
    {
        public bool Equals(string? x, string? y) => string.Equals(x, y, StringComparison.Ordinal);

        public int GetHashCode(string obj) => obj.Length;

        public int Compare(string? x, string? y) => string.CompareOrdinal(x, y);
    }

    private sealed class FailingDictionary(IDictionary<string, object?> inner) : DelegatingDictionary(inner)
    {
        public static readonly InvalidOperationException Failure = new("The dictionary is full.");

        public Func<string, bool> FailsToWrite { get; set; } = _ => false;

        public Func<string, bool> FailsToRemove { get; set; } = _ => false;

        public Action<string> BeforeRemove { get; set; } = _ => { };

        public override object? this[string key]
        {
            set => base[key] = FailsToWrite(key) ? throw Failure : value;
        }

        public override bool Remove(string key)
        {
            BeforeRemove(key);
            return FailsToRemove(key) ? throw Failure : base.Remove(key);
        }
    }
}
