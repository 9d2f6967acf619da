using System.Globalization;
using WorkflowSessions.Contracts;

namespace WorkflowSessions.Tests;

/// <summary>The contract is worth what it catches: stores that are broken in one way each, and the test that must tell.</summary>
public sealed class BrokenStoreTests
{
    private static IEnumerable<TestCaseData> BrokenStores =>
        [
            Case(
                "leaks between ids",
                nameof(SessionStoreContract.No_workflow_sees_or_touches_another),
                open: (store, id) => new Leaking(store, id)
            ),
            Case(
                "forgets the stamp",
                nameof(SessionStoreContract.Every_set_stamps_also_with_an_equal_value),
                entries => new Stampless(entries)
            ),
            Case(
                "returns the default for a stored null",
                nameof(SessionStoreContract.Stored_null_is_a_value),
                entries => new NullIsAbsent(entries)
            ),
            Case(
                "keeps a deleted key",
                nameof(SessionStoreContract.Delete_removes_and_tells_whether_the_key_was_there),
                entries => new KeepsDeleted(entries)
            ),
            Case(
                "takes any key",
                nameof(SessionStoreContract.Invalid_key_is_refused_by_every_operation_and_nothing_changes),
                entries => new TakesAnyKey(entries)
            ),
            Case(
                "keeps half of a failed update",
                nameof(SessionStoreContract.Update_that_throws_changes_nothing),
                entries => new KeepsHalf(entries)
            ),
            Case("hands out one dictionary for all", nameof(SessionStoreContract.GetAll_is_a_copy), entries => new NoCopy(entries)),
            Case("shares state between sessions", nameof(SessionStoreContract.No_session_sees_or_touches_another), () => new OneSession()),
            Case(
                "ignores letter case",
                nameof(SessionStoreContract.Keys_are_compared_ordinally),
                () => Over(StringComparer.OrdinalIgnoreCase)
            ),
            Case(
                "compares by culture",
                nameof(SessionStoreContract.Keys_are_compared_ordinally),
                () => Over(StringComparer.Create(CultureInfo.InvariantCulture, ignoreCase: false))
            ),
        ];

    [TestCaseSource(nameof(BrokenStores))]
    public async Task Contract_catches_a_store_that(Func<StoreHarness> createHarness, string caughtBy)
    {
        string? failure = await ContractRunner.FailureAsync(createHarness, caughtBy);
        await TestContext.Out.WriteLineAsync(failure);
        Assert.That(failure, Is.Not.Null);
    }

    [Test]
    public async Task Contract_passes_a_store_that_is_not_broken()
    {
        Assert.That(ContractRunner.Tests, Has.Count.GreaterThan(30));
        foreach (string test in ContractRunner.Tests)
        {
            Assert.That(
                await ContractRunner.FailureAsync(() => new BrokenHarness((store, id) => new DelegatingEntries(store.Open(id))), test),
                Is.Null,
                test
            );
        }
    }

    private static TestCaseData Case(string how, string caughtBy, Func<IWorkflowEntries, IWorkflowEntries> breakEntries) =>
        Case(how, caughtBy, (store, id) => breakEntries(store.Open(id)));

    private static TestCaseData Case(string how, string caughtBy, Func<ISessionStore, string, IWorkflowEntries> open) =>
        Case(how, caughtBy, () => new BrokenHarness(open));

    private static TestCaseData Case(string how, string caughtBy, Func<StoreHarness> createHarness) =>
        new TestCaseData(createHarness, caughtBy).SetArgDisplayNames(how);

    /// <summary>A dictionary whose comparer the store can't see.</summary>
    private static DictionaryHarness Over(StringComparer comparer) =>
        new(() => new DelegatingDictionary(new Dictionary<string, object?>(comparer)));

    private sealed class BrokenHarness(Func<ISessionStore, string, IWorkflowEntries> open)
        : DictionaryHarness(() => new Dictionary<string, object?>())
    {
        public override ISessionStore Open(string sessionId) => new DelegatingStore(base.Open(sessionId), open);
    }

    private sealed class OneSession() : DictionaryHarness(() => new Dictionary<string, object?>())
    {
        public override ISessionStore Open(string sessionId) => base.Open("one for all");
    }

    /// <summary>Writes id and key one behind the other without escaping: "a" with "b_x" is "a_b" with "x".</summary>
    private sealed class Leaking(ISessionStore store, string id)
        : DelegatingEntries(store.Open(id.Split('_')[0] is { Length: > 0 } start ? start : "_"))
    {
        private readonly string _rest = id.Contains('_', StringComparison.Ordinal)
            ? id[(id.IndexOf('_', StringComparison.Ordinal) + 1)..] + "_"
            : "";

        public override int Count => GetAll().Count;

        public override bool TryGet(string key, Type type, out object? value) => Inner.TryGet(_rest + key, type, out value);

        public override bool Has(string key) => Inner.Has(_rest + key);

        public override void Set(string key, object? value, Type type) => Inner.Set(_rest + key, value, type);

        public override bool Delete(string key) => Inner.Delete(_rest + key);

        public override IReadOnlyDictionary<string, object?> GetAll() =>
            Inner
                .GetAll()
                .Where(entry => entry.Key.StartsWith(_rest, StringComparison.Ordinal))
                .ToDictionary(entry => entry.Key[_rest.Length..], entry => entry.Value);
    }

    private sealed class Stampless(IWorkflowEntries inner) : DelegatingEntries(inner)
    {
        public override DateTimeOffset? LastModified => null;
    }

    private sealed class NullIsAbsent(IWorkflowEntries inner) : DelegatingEntries(inner)
    {
        public override bool TryGet(string key, Type type, out object? value) => Inner.TryGet(key, type, out value) && value is not null;
    }

    private sealed class KeepsDeleted(IWorkflowEntries inner) : DelegatingEntries(inner)
    {
        public override bool Delete(string key) => Inner.Has(key);
    }

    private sealed class TakesAnyKey(IWorkflowEntries inner) : DelegatingEntries(inner)
    {
        public override bool Has(string key) =>
            !string.IsNullOrEmpty(key) && key.Length <= 256 && Inner.Has(key.Replace('\uD83D', '?').Replace('\uDE00', '?'));
    }

    private sealed class KeepsHalf(IWorkflowEntries inner) : DelegatingEntries(inner)
    {
        public override ValueTask UpdateAsync(Func<CancellationToken, ValueTask> change, CancellationToken cancellationToken = default)
        {
            ArgumentNullException.ThrowIfNull(change);
            cancellationToken.ThrowIfCancellationRequested();
            return change(cancellationToken);
        }
    }

    private sealed class NoCopy(IWorkflowEntries inner) : DelegatingEntries(inner)
    {
        private readonly Dictionary<string, object?> _all = new(StringComparer.Ordinal);

        public override IReadOnlyDictionary<string, object?> GetAll()
        {
            _all.Clear();
            foreach ((string key, object? value) in Inner.GetAll())
            {
                _all[key] = value;
            }

            return _all;
        }

        public override void Set(string key, object? value, Type type)
        {
            Inner.Set(key, value, type);
            _ = GetAll();
        }
    }
}
