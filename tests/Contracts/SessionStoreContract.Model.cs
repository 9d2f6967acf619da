using FsCheck;
using FsCheck.Fluent;

namespace WorkflowSessions.Contracts;

/// <summary>Several requests that load, change and commit one workflow in any order, against the contract written down once more as a model.</summary>
public abstract partial class SessionStoreContract
{
    private const int Actors = 3;

    private static readonly Gen<ActorStep[]> ActorSteps = Gen.ArrayOf(
        from actor in Gen.Choose(0, Actors - 1)
        from action in Gen.Frequency(
            (4, Gen.Constant(ActorAction.Load)),
            (5, Gen.Constant(ActorAction.Set)),
            (2, Gen.Constant(ActorAction.Delete)),
            (1, Gen.Constant(ActorAction.Clear)),
            (1, Gen.Constant(ActorAction.End)),
            (6, Gen.Constant(ActorAction.Commit)),
            (2, Gen.Constant(ActorAction.Update)),
            (1, Gen.Constant(ActorAction.Expire))
        )
        from key in Gen.Elements("a", "b", "c")
        select new ActorStep(actor, action, key),
        40
    );

    protected enum ActorAction
    {
        Load,
        Set,
        Delete,
        Clear,
        End,
        Commit,
        Update,
        Expire,
    }

    /// <summary>How many sequences are run; a store that needs a round trip for each step runs fewer.</summary>
    protected virtual int ModelSequences => 300;

    [Test]
    public void Interleaved_requests_keep_the_contract()
    {
        if (!Harness.Promised.VersionCheck)
        {
            Assert.That(Harness.Open("alice").Capabilities.VersionCheck, Is.False);
            return;
        }

        int sequence = 0;
        RandomInput.Check(
            ActorSteps,
            ModelSequences,
            steps => RunActors(steps, $"session{sequence++}").GetAwaiter().GetResult(),
            RandomInput.Shorter
        );
    }

    private async Task RunActors(ActorStep[] steps, string sessionId)
    {
        StoredModel stored = new();
        ActorModel[] actors =
        [
            .. Enumerable.Range(0, Actors).Select(_ => new ActorModel(new WorkflowSession(Harness.Open(sessionId), "checkout"))),
        ];
        for (int i = 0; i < steps.Length; i++)
        {
            ActorStep step = steps[i];
            ActorModel actor = actors[step.Actor];
            if (!actor.Session.IsLoaded && step.Action is not (ActorAction.Expire or ActorAction.Update))
            {
                await actor.LoadAsync(stored);
            }

            switch (step.Action)
            {
                case ActorAction.Load:
                    await actor.LoadAsync(stored);
                    break;
                case ActorAction.Commit:
                    await actor.CommitAsync(stored);
                    break;
                case ActorAction.Update:
                    await Harness.WithRunningClockAsync(new ValueTask(actor.UpdateAsync(stored, step.Key, i)));
                    break;
                case ActorAction.Expire:
                    await Harness.PassAsync(TimeSpan.FromMinutes(21));
                    stored.End();
                    break;
                default:
                    actor.Change(step.Action, step.Key, i);
                    break;
            }

            actor.AssertView(step);
            WorkflowSession fresh = new(Harness.Open(sessionId), "checkout");
            await fresh.LoadAsync();
            AssertEntries(stored.Entries, fresh, step);
            Expect(
                (fresh.LastModified is null) == (stored.Generation is null),
                $"{step}: the workflow is there, or is not, against the contract"
            );
        }
    }

    private static void AssertEntries(Dictionary<string, int> expected, WorkflowSession workflow, ActorStep step)
    {
        IReadOnlyDictionary<string, object?> actual = workflow.GetAll();
        Expect(
            actual.Count == expected.Count && expected.All(entry => Equals(actual.GetValueOrDefault(entry.Key), entry.Value)),
            $"{step}: {string.Join(", ", actual)} where {string.Join(", ", expected)} is expected"
        );
    }

    private static void Expect(bool condition, string message)
    {
        if (!condition)
        {
            throw new InvalidOperationException(message);
        }
    }

    protected sealed record ActorStep(int Actor, ActorAction Action, string Key);

    private sealed class StoredModel
    {
        private int _generations;

        public int? Generation { get; private set; }

        public int Version { get; private set; }

        public Dictionary<string, int> Entries { get; } = new(StringComparer.Ordinal);

        public void Change(Action<Dictionary<string, int>> change)
        {
            Generation ??= ++_generations;
            Version++;
            change(Entries);
        }

        public void End()
        {
            Generation = null;
            Version = 0;
            Entries.Clear();
        }
    }

    private sealed class ActorModel(WorkflowSession session)
    {
        private readonly Dictionary<string, int> _view = new(StringComparer.Ordinal);
        private readonly HashSet<string> _touched = new(StringComparer.Ordinal);
        private int? _generation;
        private bool _cleared;
        private bool _ended;

        public WorkflowSession Session { get; } = session;

        private bool HasChanges => _cleared || _ended || _touched.Count > 0;

        public async Task LoadAsync(StoredModel stored)
        {
            bool gone = _generation is not null && stored.Generation != _generation;
            bool refused = HasChanges && gone && !_ended;
            _ended &= !gone;
            await ExpectConflictAsync(() => Session.LoadAsync(), refused);
            if (!refused)
            {
                See(stored);
            }
        }

        public void Change(ActorAction action, string key, int value)
        {
            switch (action)
            {
                case ActorAction.Set:
                    Session.Set(key, value);
                    _view[key] = value;
                    _touched.Add(key);
                    break;
                case ActorAction.Delete:
                    bool there = _view.Remove(key);
                    Expect(Session.Delete(key) == there, $"Delete({key}) returned the wrong answer");
                    if (there)
                    {
                        _touched.Add(key);
                    }

                    break;
                case ActorAction.Clear:
                    Session.Clear();
                    _view.Clear();
                    _touched.Clear();
                    _cleared = true;
                    break;
                case ActorAction.End:
                    Session.End();
                    _view.Clear();
                    _touched.Clear();
                    _cleared = false;
                    _ended = _generation is not null;
                    break;
            }
        }

        public async Task CommitAsync(StoredModel stored)
        {
            bool gone = _generation is not null && stored.Generation != _generation;
            bool refused = HasChanges && gone && !_ended;
            await ExpectConflictAsync(() => Session.CommitAsync(), refused);
            if (refused || !HasChanges)
            {
                return;
            }

            if (_ended && !gone)
            {
                stored.End();
            }

            if (!_ended || _cleared || _touched.Count > 0)
            {
                stored.Change(entries =>
                {
                    if (_cleared)
                    {
                        entries.Clear();
                    }

                    foreach (string key in _touched)
                    {
                        entries.Remove(key);
                        if (_view.TryGetValue(key, out int value))
                        {
                            entries[key] = value;
                        }
                    }
                });
            }

            // Whoever has ended the workflow has nothing loaded, also when others have begun it anew.
            bool onlyEnds = _ended && !_cleared && _touched.Count == 0;
            _touched.Clear();
            _cleared = _ended = false;
            _generation = onlyEnds ? null : stored.Generation;
        }

        public async Task UpdateAsync(StoredModel stored, string key, int value)
        {
            if (HasChanges)
            {
                await ExpectAsync<InvalidOperationException>(() => Session.UpdateAsync(w => w.Set(key, value)));
                return;
            }

            await Session.UpdateAsync(w => w.Set(key, value));
            stored.Change(entries => entries[key] = value);
            See(stored);
        }

        public void AssertView(ActorStep step)
        {
            if (Session.IsLoaded)
            {
                AssertEntries(_view, Session, step);
                Expect(Session.HasChanges == HasChanges, $"{step}: HasChanges is {Session.HasChanges}");
            }
        }

        private static Task ExpectConflictAsync(Func<ValueTask> action, bool expected) =>
            expected ? ExpectAsync<WorkflowConflictException>(action) : action().AsTask();

        private static async Task ExpectAsync<TException>(Func<ValueTask> action)
            where TException : Exception
        {
            try
            {
                await action();
            }
            catch (TException)
            {
                return;
            }

            throw new InvalidOperationException($"{typeof(TException).Name} was expected");
        }

        private void See(StoredModel stored)
        {
            foreach (string key in _view.Keys.Except(_touched, StringComparer.Ordinal).ToList())
            {
                _view.Remove(key);
            }

            if (!_cleared && !_ended)
            {
                foreach ((string key, int value) in stored.Entries.Where(entry => !_touched.Contains(entry.Key)))
                {
                    _view[key] = value;
                }
            }

            _generation = stored.Generation;
        }
    }
}
