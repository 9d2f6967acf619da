using static WorkflowSessions.Interleavings.Explorer;
using static WorkflowSessions.Interleavings.StoreOfScenario;

namespace WorkflowSessions.Interleavings;

/// <summary>The store in memory under requests that come at once, in many orders of their steps.</summary>
[NonParallelizable]
public sealed class InMemoryInterleavingTests
{
    private const uint Orders = 300;

    [Test]
    public void Requests_that_begin_one_session_at_once_are_all_served_and_take_one_place() =>
        AssertHolds(() =>
        {
            StoreOfScenario store = new(limit: 1);
            AtOnce(() => store.Set("a", "w0"), () => store.Set("a", "w1"), () => store.Set("a", "w2"));
            Check(store.Has("a", "w0") && store.Has("a", "w1") && store.Has("a", "w2"), "what was acknowledged is stored");
            store.CheckAtRest("a");
        });

    [Test]
    public void First_writers_of_one_workflow_merge() =>
        AssertHolds(() =>
        {
            StoreOfScenario store = new(limit: 1);
            AtOnce(() => store.Set("a", "w", "x"), () => store.Set("a", "w", "y"), () => store.Set("a", "w", "z"));
            Check(store.Has("a", "w", "x") && store.Has("a", "w", "y") && store.Has("a", "w", "z"), "all keys are there");
            Check(store.Load("a", "w")!.Version == 3, "each commit counts");
            store.CheckAtRest("a");
        });

    [Test]
    public void Requests_that_come_at_once_when_all_sessions_have_expired_are_all_served() =>
        AssertHolds(() =>
        {
            StoreOfScenario store = new(limit: 3);
            store.Set("old0", "w");
            store.Set("old1", "w");
            store.Set("old2", "w");
            store.ExpireAll();
            AtOnce(() => store.Set("a", "w"), () => store.Set("b", "w"), () => store.Set("c", "w"));
            Check(store.Has("a", "w") && store.Has("b", "w") && store.Has("c", "w"), "what was acknowledged is stored");
            store.CheckAtRest("a", "b", "c");
        });

    [Test]
    public void Expired_session_makes_room_for_whoever_comes_after_its_expiry() =>
        AssertHolds(() =>
        {
            StoreOfScenario store = new(limit: 2);
            store.Set("old0", "w");
            store.Set("old1", "w");
            bool early = false;
            AtOnce(
                () =>
                {
                    store.ExpireAll();
                    store.Set("a", "w");
                },
                () => early = store.TrySet("b", "w"),
                () => _ = store.Has("old0", "w")
            );
            Check(store.Has("a", "w") && store.Has("b", "w") == early, "what was acknowledged is stored, and nothing else");
        });

    [Test]
    public void Full_store_begins_as_many_sessions_as_it_may_and_refuses_the_rest() =>
        AssertHolds(() =>
        {
            StoreOfScenario store = new(limit: 2);
            bool[] begun = new bool[3];
            AtOnce(
                () => begun[0] = store.TrySet("s0", "w"),
                () => begun[1] = store.TrySet("s1", "w"),
                () => begun[2] = store.TrySet("s2", "w")
            );
            Check(begun.Count(stored => stored) == 2, "two have room");
            Check(
                Enumerable.Range(0, 3).All(i => store.Has($"s{i}", "w") == begun[i]),
                "what was acknowledged is stored, and nothing else"
            );
            store.CheckAtRest([.. Enumerable.Range(0, 3).Where(i => begun[i]).Select(i => $"s{i}")]);
        });

    [Test]
    public void Commit_to_a_session_that_is_there_is_never_refused_for_room() =>
        AssertHolds(() =>
        {
            StoreOfScenario store = new(limit: 2);
            store.Set("old", "w");
            store.ExpireAll();
            store.Set("a", "w0");
            AtOnce(
                () => store.Set("a", "w1"),
                () => store.EndWorkflow("a", "w1"),
                () => store.TrySet("b", "w"),
                () => store.TrySet("c", "w")
            );
            Check(store.Has("a", "w0"), "what was acknowledged is stored");
            Check(store.Has("b", "w") != store.Has("c", "w"), "one place was free");
        });

    [Test]
    public void Commit_is_not_lost_to_the_freeing_of_its_session() =>
        AssertHolds(() =>
        {
            StoreOfScenario store = new(limit: 1);
            store.Set("a", "w0");
            bool[] begun = new bool[2];
            AtOnce(() => store.EndWorkflow("a", "w0"), () => begun[0] = store.TrySet("a", "w1"), () => begun[1] = store.TrySet("b", "w"));
            Check(!store.Has("a", "w0"), "the end is acknowledged");
            Check(store.Has("a", "w1") == begun[0] && store.Has("b", "w") == begun[1], "what was acknowledged is stored, and nothing else");
            // All that can keep a request out is the other one.
            Check(begun[0] || begun[1], "a place was free");
            store.CheckAtRest([.. new[] { "a", "b" }.Where((_, i) => begun[i])]);
        });

    [Test]
    public void Place_of_a_session_that_ends_is_free_when_its_end_is_acknowledged() =>
        AssertHolds(() =>
        {
            StoreOfScenario store = new(limit: 2);
            store.Set("a", "w");
            store.Set("b", "w");
            bool late = false;
            AtOnce(
                () =>
                {
                    store.EndSession("a");
                    store.Set("c", "w");
                },
                () => store.Set("b", "w1"),
                () => late = store.TrySet("b", "w2")
            );
            Check(late && store.Has("b", "w1") && store.Has("b", "w2") && store.Has("c", "w"), "what was acknowledged is stored");
            store.CheckAtRest("b", "c");
        });

    [Test]
    public void Renewal_of_an_expired_session_neither_brings_it_back_nor_keeps_its_place() =>
        AssertHolds(() =>
        {
            StoreOfScenario store = new(limit: 1);
            store.Set("old", "w");
            store.ExpireAll();
            AtOnce(() => store.Set("a", "w"), () => Check(!store.Has("old", "w"), "it has expired"), () => store.EndSession("old"));
            store.CheckAtRest("a");
        });

    [Test]
    public void One_of_the_commits_that_require_one_version_is_stored() =>
        AssertHolds(() =>
        {
            StoreOfScenario store = new(limit: 1);
            store.Set("a", "w");
            WorkflowRecord loaded = store.Load("a", "w")!;
            CommitOutcome[] outcomes = new CommitOutcome[3];
            AtOnce(
                () => outcomes[0] = store.CommitAt(loaded, "a", "w", "k0"),
                () => outcomes[1] = store.CommitAt(loaded, "a", "w", "k1"),
                () => outcomes[2] = store.CommitAt(loaded, "a", "w", "k2")
            );
            Check(outcomes.Order().SequenceEqual([CommitOutcome.Stored, CommitOutcome.Changed, CommitOutcome.Changed]), "one is stored");
            Check(
                Enumerable.Range(0, 3).All(i => store.Has("a", "w", $"k{i}") == (outcomes[i] == CommitOutcome.Stored)),
                "what was acknowledged is stored, and nothing else"
            );
            Check(store.Load("a", "w")!.Version == 2, "the version counts what is stored");
        });

    [Test]
    public void Orders_include_one_that_breaks_a_count_without_a_lock() =>
        // Without the rewriting of this assembly, a scenario would run in one order only, and prove nothing.
        Assert.That(
            FindFailure(
                () =>
                {
                    int count = 0;
                    void Increment()
                    {
                        int read = Volatile.Read(ref count);
                        Volatile.Write(ref count, read + 1);
                    }

                    AtOnce(Increment, Increment);
                    Check(count == 2, "both count");
                },
                Orders
            ),
            Does.Contain("both count")
        );

    private static void AssertHolds(Action scenario) => Assert.That(FindFailure(scenario, Orders), Is.Null);
}
