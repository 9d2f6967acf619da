using System.Collections.Concurrent;
using System.Text.Json;

namespace WorkflowSessions.Tests;

/// <summary>
/// Replays what was recorded on the Python class of the same job: results, the raw session, its order and the number of stamps after every
/// operation. Where that class leaks between workflows (tag "bug"), what is expected is a session per workflow instead.
/// </summary>
public sealed class ReferenceCasesTests
{
    private static readonly JsonElement Recorded = JsonDocument
        .Parse(File.ReadAllText(Path.Combine(TestContext.CurrentContext.TestDirectory, "Reference", "cases.json")))
        .RootElement.GetProperty("cases");

    private static IEnumerable<TestCaseData> Cases =>
        from recorded in Recorded.EnumerateArray()
        from kind in new[]
        {
            typeof(Dictionary<string, object?>),
            typeof(ConcurrentDictionary<string, object?>),
            typeof(OrderedDictionary<string, object?>),
        }
        select new TestCaseData(recorded, kind).SetArgDisplayNames(recorded.GetProperty("id").GetString()!, kind.Name);

    [Test]
    public void All_cases_are_there()
    {
        Assert.That(Recorded.GetArrayLength(), Is.EqualTo(19));
        Assert.That(Recorded.EnumerateArray().Sum(recorded => recorded.GetProperty("ops").GetArrayLength()), Is.EqualTo(131));
    }

    [TestCaseSource(nameof(Cases))]
    public void Recorded_case(JsonElement recorded, Type kind)
    {
        ArgumentNullException.ThrowIfNull(kind);
        new Replay(recorded, () => (IDictionary<string, object?>)Activator.CreateInstance(kind)!).Run();
    }

    private sealed class Replay(JsonElement recorded, Func<IDictionary<string, object?>> create)
    {
        private const string MainSession = "S";

        private readonly bool _leaks = recorded.GetProperty("tags").EnumerateArray().Any(tag => tag.ValueEquals("bug"));
        private readonly CountingClock _clock = new();
        private readonly Dictionary<string, IDictionary<string, object?>> _sessions = [];
        private readonly Dictionary<string, WorkflowSession> _workflows = [];
        private readonly Dictionary<string, IReadOnlyDictionary<string, object?>> _variables = [];

        // What a leaking case should have left: the entries and stamps of each workflow alone.
        private readonly Dictionary<string, Dictionary<string, object?>> _isolated = [];
        private readonly Dictionary<string, object?> _isolatedStamps = [];

        public void Run()
        {
            IDictionary<string, object?> session = _sessions[MainSession] = create();
            foreach ((string slot, object? value) in Entries(recorded.GetProperty("initial")))
            {
                session[slot] = value;
            }

            foreach (JsonElement operation in recorded.GetProperty("ops").EnumerateArray())
            {
                int reads = _clock.Reads;
                object? result = Perform(operation);
                if (_leaks)
                {
                    AssertIsolated(operation, result);
                    continue;
                }

                Assert.That(result, Is.EqualTo(Value(operation.GetProperty("returns"))), operation.ToString());
                Assert.That(_clock.Reads - reads, Is.EqualTo(operation.GetProperty("clock_reads").GetInt32()), operation.ToString());
                AssertSessions(operation);
            }
        }

        private object? Perform(JsonElement operation)
        {
            switch (operation.GetProperty("op").GetString())
            {
                case "new_session":
                    _sessions[Text(operation, "as")] = create();
                    return null;
                case "new":
                    _workflows[Text(operation, "as")] = new WorkflowSession(
                        _sessions[NamedSession(operation)],
                        Text(operation, "workflow_id"),
                        _clock
                    );
                    return null;
                case "call":
                    return Call(operation);
                case "setitem":
                    // What GetAll returns is read-only by its type, and a copy all the same.
                    ((IDictionary<string, object?>)_variables[Text(operation, "var")])[Text(operation, "key")] = Value(
                        operation.GetProperty("value")
                    );
                    return null;
                case "json_roundtrip":
                    foreach (IDictionary<string, object?> content in _sessions.Values)
                    {
                        JsonElement json = JsonSerializer.SerializeToElement(content.ToDictionary());
                        foreach ((string slot, object? value) in Entries(json))
                        {
                            content[slot] = value;
                        }
                    }

                    return null;
                default:
                    throw new NotSupportedException(operation.ToString());
            }
        }

        private object? Call(JsonElement operation)
        {
            WorkflowSession workflow = _workflows[Text(operation, "on")];
            object?[] arguments = [.. operation.GetProperty("args").EnumerateArray().Select(Value)];
            switch (Text(operation, "method"))
            {
                case "set":
                    workflow.Set((string)arguments[0]!, arguments[1]);
                    return null;
                case "get":
                    return arguments.Length == 1
                        ? workflow.Get<object>((string)arguments[0]!)
                        : workflow.Get((string)arguments[0]!, arguments[1]);
                case "has":
                    return workflow.Has((string)arguments[0]!);
                case "delete":
                    bool there = workflow.Has((string)arguments[0]!);
                    Assert.That(workflow.Delete((string)arguments[0]!), Is.EqualTo(there));
                    return null;
                case "clear":
                    workflow.Clear();
                    return null;
                case "get_all":
                    IReadOnlyDictionary<string, object?> all = workflow.GetAll();
                    if (operation.TryGetProperty("store_as", out JsonElement variable))
                    {
                        _variables[variable.GetString()!] = all;
                    }

                    return all;
                default:
                    throw new NotSupportedException(operation.ToString());
            }
        }

        private void AssertSessions(JsonElement operation)
        {
            JsonElement after = operation.GetProperty("session_after");
            foreach ((string name, IDictionary<string, object?> session) in _sessions)
            {
                Assert.That(
                    session,
                    Is.EquivalentTo(Entries(_sessions.Count == 1 ? after : after.GetProperty(name))),
                    operation.ToString()
                );
            }

            // The order is recorded of the main session unless the operation names another; the other kinds of dictionary have none.
            if (_sessions[NamedSession(operation)] is OrderedDictionary<string, object?> ordered)
            {
                JsonElement order = operation.GetProperty("key_order");
                Assert.That(ordered.Keys, Is.EqualTo(order.EnumerateArray().Select(key => key.GetString())), operation.ToString());
            }
        }

        private static string NamedSession(JsonElement operation) =>
            operation.TryGetProperty("session", out JsonElement session) ? session.GetString()! : MainSession;

        private void AssertIsolated(JsonElement operation, object? result)
        {
            if (!operation.GetProperty("op").ValueEquals("call"))
            {
                return;
            }

            string id = _workflows[Text(operation, "on")].Id;
            Dictionary<string, object?> own = _isolated.TryGetValue(id, out Dictionary<string, object?>? entries)
                ? entries
                : _isolated[id] = [];
            object?[] arguments = [.. operation.GetProperty("args").EnumerateArray().Select(Value)];
            string key = arguments.Length > 0 ? (string)arguments[0]! : "";
            bool there = own.TryGetValue(key, out object? value);
            object? expected = null;
            switch (Text(operation, "method"))
            {
                case "set":
                    own[key] = arguments[1];
                    _isolatedStamps[id] = _clock.Last;
                    break;
                case "get":
                    expected = there ? value : arguments.ElementAtOrDefault(1);
                    break;
                case "has":
                    expected = there;
                    break;
                case "delete":
                    own.Remove(key);
                    _isolatedStamps[id] = there ? _clock.Last : _isolatedStamps.GetValueOrDefault(id);
                    break;
                case "clear":
                    own.Clear();
                    _isolatedStamps[id] = _clock.Last;
                    break;
                case "get_all":
                    expected = own;
                    break;
            }

            Assert.That(result, Is.EqualTo(expected), operation.ToString());
            Dictionary<string, object?> raw = [];
            foreach ((string workflow, Dictionary<string, object?> contents) in _isolated)
            {
                foreach ((string entry, object? content) in contents)
                {
                    raw[FlatKeyLayout.EntryKey(workflow, entry)] = content;
                }
            }

            foreach ((string workflow, object? stamp) in _isolatedStamps)
            {
                raw[FlatKeyLayout.StampKey(workflow)] = stamp;
            }

            Assert.That(_sessions[MainSession], Is.EquivalentTo(raw), operation.ToString());
        }

        private static string Text(JsonElement element, string property) => element.GetProperty(property).GetString()!;

        private static Dictionary<string, object?> Entries(JsonElement json) =>
            json.EnumerateObject().ToDictionary(property => property.Name, property => Value(property.Value), StringComparer.Ordinal);

        private static object? Value(JsonElement json) =>
            json.ValueKind switch
            {
                JsonValueKind.Null => null,
                JsonValueKind.True => true,
                JsonValueKind.False => false,
                JsonValueKind.String => json.GetString(),
                JsonValueKind.Number => json.TryGetInt64(out long integer) ? integer : json.GetDouble(),
                JsonValueKind.Array => json.EnumerateArray().Select(Value).ToList(),
                _ => Entries(json),
            };
    }

    /// <summary>The n-th read of the clock gives 1700000000.25 + n.</summary>
    private sealed class CountingClock : TimeProvider
    {
        public int Reads { get; private set; }

        public double Last => 1_700_000_000.25 + Reads;

        public override DateTimeOffset GetUtcNow()
        {
            Reads++;
            return DateTimeOffset.UnixEpoch.AddSeconds(Last);
        }
    }
}
