using System.Collections;
using System.Collections.Concurrent;
using System.Collections.Frozen;
using System.Collections.Immutable;
using System.Collections.ObjectModel;
using System.Collections.Specialized;
using System.Drawing;
using System.Globalization;
using System.Numerics;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace WorkflowSessions.Tests;

/// <summary>Which objects and collections come back as they were set, and which Set refuses. docs/values.md has the same list.</summary>
public sealed partial class StorableTypesTests
{
    private static IEnumerable<TestCaseData> Kept =>
        [
            Case("record", new Line("tea", 2)),
            Case("record with computed property", new Cart([new Line("tea", 2), new Line("cup", 1)])),
            Case("record struct", new Position(1, 2)),
            Case("record with an extra property", new Line("tea", 2) { Note = "gift" }),
            Case("class with setters", new Customer { Name = "Ann", Plan = Size.Large }),
            Case("class with required and init", new Required { Name = "Ann", Age = 5 }),
            Case("class with constructor parameters", new Immutable("Ann", 5)),
            Case("class with a constructor that is marked", new Marked("Ann")),
            Case("class with an included private setter", Included.Of(5)),
            Case("class with a private member that is included", PrivateMember.Of(5)),
            Case("class with a collection that is filled", Populated.Of("a", "b")),
            Case("class with an ignored member", new Ignoring { Name = "Ann", Cache = new MemoryStream() }),
            Case(
                "class with extension data",
                new Extensible
                {
                    Name = "Ann",
                    More = new() { ["x"] = JsonElement.Parse("[1]") },
                }
            ),
            Case("class without data", new Marker()),
            Case(
                "class that contains itself",
                new Node
                {
                    Next = new Node { Name = "b" },
                    Name = "a",
                }
            ),
            Case("class with a computed stream", new Report { Text = "a" }),
            Case("class with a computed tuple", new Sized { Width = 2 }),
            Case("class with a member of type object", new Holder { Value = 5, Other = new Line("tea", 2) }),
            Case("class with a converter", new Money(1.50m)),
            Case("struct with a converter inside a list", new List<Money> { new(1.50m) }),
            Case<Shape>("polymorphic base with derived types", new Circle { Radius = 2 }),
            Case(
                "list of polymorphic objects",
                new List<Shape>
                {
                    new Circle { Radius = 2 },
                    new Square { Side = 3 },
                }
            ),
            Case("array", new[] { 1, 2 }),
            Case("array of arrays", new[] { new[] { 1 }, new[] { 2, 3 } }),
            Case("sbyte[]", new sbyte[] { -1, 1 }),
            Case("array of enums", new[] { Size.Large, Size.Small }),
            Case("list", new List<Line> { new("tea", 2) }),
            Case<IReadOnlyList<Line>>("read-only list", [new("tea", 2)]),
            Case<IEnumerable<int>>("sequence", Enumerable.Range(1, 3).Where(number => number > 1)),
            Case("list of nullable numbers", new List<int?> { 1, null }),
            Case("list of objects", new List<object?> { 1, "two", null }),
            Case("list of dates", new List<DateTime> { new(2026, 1, 2, 3, 4, 5, DateTimeKind.Utc) }),
            Case("list that is derived from and adds nothing", new Lines { new("tea", 2) }),
            Case("collection of the application's", new Basket { new("tea", 2) }),
            Case("set", new HashSet<string>(StringComparer.Ordinal) { "a", "b" }),
            Case("sorted set", new SortedSet<int> { 2, 1 }),
            Case("list without a type", new ArrayList { 1, "a" }),
            Case("queue", new Queue<int>([1, 2])),
            Case("linked list", new LinkedList<int>([1, 2])),
            Case("observable collection", new ObservableCollection<int> { 1, 2 }),
            Case("dictionary", new Dictionary<string, decimal> { ["total"] = 9.90m }),
            Case("dictionary with numbers as keys", new Dictionary<int, string> { [1] = "a" }),
            Case("dictionary with enums as keys", new Dictionary<Size, string> { [Size.Large] = "a" }),
            Case("dictionary with Guids as keys", new Dictionary<Guid, string> { [Guid.Empty] = "a" }),
            Case<IReadOnlyDictionary<string, int>>("read-only dictionary", new Dictionary<string, int> { ["a"] = 1 }),
            Case("sorted dictionary", new SortedDictionary<int, int> { [2] = 1, [1] = 2 }),
            Case(
                "concurrent dictionary",
                new ConcurrentDictionary<string, int>(Enumerable.Range(0, 100).Select(i => new KeyValuePair<string, int>($"{i}", i)))
            ),
            Case("immutable array", ImmutableArray.Create(1, 2)),
            Case("immutable list", ImmutableList.Create(1, 2)),
            Case(
                "immutable dictionary",
                ImmutableDictionary.CreateRange(Enumerable.Range(0, 100).Select(i => new KeyValuePair<string, int>($"{i}", i)))
            ),
            Case("immutable set", ImmutableHashSet.Create("a", "b", "c")),
            Case("nullable struct", (Position?)new Position(1, 2)),
            Case("pair of a key and a value", new KeyValuePair<string, int>("a", 1)),
            Case("reference tuple", Tuple.Create(1, "a")),
            Case("JsonElement", JsonElement.Parse("{\"a\":[1]}")),
            Case("JsonObject", new JsonObject { ["a"] = 1 }),
            Case("JsonNode", JsonNode.Parse("[1,null]")!),
            Case("JsonDocument", JsonDocument.Parse("{\"a\":1}")),
            Case("Version", new Version(1, 2)),
            Case("Half", (Half)1.5),
            Case("Memory<byte>", new Memory<byte>([1, 2])),
            Case("Point", new Point(1, 2)),
            Case("dictionary that can be extended", Expando()),
            Case("generic record", new Page<Line>([new Line("tea", 2)], 1)),
            Case("record that inherits", new Gift("tea", "Ann")),
            Case("class with a virtual property that is overridden", new Special { Name = "a" }),
            Case("class with the same object twice", Twice()),
            Case("text of every plane", new List<string> { "\u00E9\u8A9E\U0001F600<&\"" }),
            Case("text with a replacement character", new List<string> { "a\uFFFD" }),
            Case("string array that is null inside", new string?[] { "a", null }),
            Case<object>("anonymous type", new { Name = "Ann", Age = 5 }),
        ];

    private static IEnumerable<TestCaseData> Refused =>
        [
            No("tuple", (1, "a"), "ValueTuple", "Item1", "record"),
            No("nullable tuple", ((int, string)?)(1, "a"), "Item1"),
            No("tuples in a list", new List<(int, string)> { (1, "a") }, "an element of", "Item1"),
            No("empty list of tuples", new List<(int, string)>(), "an element of", "Item1"),
            No("tuples in a dictionary", new Dictionary<string, (int, string)>(), "an element of", "Item1"),
            No("tuples deep inside", new Outer { Inner = [new Inner()] }, "Inner.Range", "Item1"),
            No("class with public fields", new Fields { X = 1 }, "field X"),
            No("class with a field and properties", new FieldAndProperty { Name = "a", Count = 2 }, "field Count"),
            No("vector", new Vector3(1, 2, 3), "field X"),
            No("matrix", Matrix3x2.Identity, "field"),
            No("BigInteger", BigInteger.One, "no member"),
            No("Complex", Complex.One, "no member"),
            No("Color", Color.Red, "no member"),
            No("Index", new Index(1), "no member"),
            No("Rune", new Rune('a'), "no member"),
            No("class with private data only", new Hidden(5), "no member"),
            No("private setter", PrivateSetter.Of(5), "PrivateSetter.Count", "setter that is not public"),
            No("get-only property", new GetOnly(), "GetOnly.Created", "no setter"),
            No("get-only list", GetOnlyList.Of("a"), "GetOnlyList.Names", "no setter", "init"),
            No("readonly struct without a marked constructor", new Plain(5), "Plain.X", "no setter"),
            No("two constructors", new TwoConstructors(1), "constructor"),
            No("constructor parameter without a property", new Unbound(new Uri("https://a"), 5), "constructor parameter"),
            No("private constructor", PrivateConstructor.Create(), "constructor"),
            No<IShape>("interface", new Circle(), "abstract or an interface", "[JsonDerivedType]"),
            No<AbstractShape>("abstract class", new Ellipse(), "abstract or an interface"),
            No("interfaces in a list", new List<IShape>(), "an element of", "abstract or an interface"),
            No("derived type that can't be read", new Zoo(), "Lion.Age", "setter that is not public"),
            No("stream", new MemoryStream(), "resource"),
            No("stream in a class", new Upload { Name = "a" }, "Upload.Content", "resource"),
            No("task", Task.FromResult(5), "resource"),
            No("task without a result", Task.CompletedTask, "resource"),
            No("value task", new ValueTask<int>(5), "no member"),
            No("cancellation", new CancellationTokenSource(), "resource"),
            No("client", new HttpClient(), "resource"),
            No("exception", new InvalidOperationException("secret"), "exception"),
            No("StringBuilder", new StringBuilder("secret"), "StringBuilder", "string"),
            No("Lazy", new Lazy<int>(5), "no member"),
            No("CultureInfo", CultureInfo.InvariantCulture, "constructor"),
            No("stack", new Stack<int>([1, 2]), "reverse", "list"),
            No("stack without a type", new Stack(new[] { 1, 2 }), "reverse"),
            No("concurrent stack", new ConcurrentStack<int>([1, 2]), "reverse"),
            No("immutable stack", ImmutableStack.Create(1, 2), "reverse"),
            No("list with a property", new NamedList { Owner = "Ann" }, "Owner", "only the elements"),
            No("list with a field", new CountingList { 1 }, "_added", "only the elements"),
            No("collection with a setter", new NamedBasket { Owner = "Ann" }, "Owner", "only the elements"),
            No("read-only collection", new ReadOnlyCollection<int>([1]), "written and not read", "list"),
            No("read-only dictionary class", new ReadOnlyDictionary<string, int>(new Dictionary<string, int>()), "written and not read"),
            No("frozen set", new[] { 1 }.ToFrozenSet(), "written and not read"),
            No("frozen dictionary", new Dictionary<string, int> { ["a"] = 1 }.ToFrozenDictionary(), "written and not read"),
            No("lookup", new[] { 1 }.ToLookup(number => number), "written and not read"),
            No("bag", new ConcurrentBag<int> { 1 }, "written and not read"),
            No("part of an array", new ArraySegment<int>([1, 2], 0, 1), "written and not read"),
            No<object>("sequence without a type", Enumerable.Range(1, 3).Where(number => number > 1), "written and not read", "ToList()"),
            No("BitArray", new BitArray(3), "written and not read"),
            No("StringCollection", new StringCollection { "a" }, "written and not read"),
            No("array of BigIntegers", new[] { BigInteger.One }, "an element of System.Numerics.BigInteger[],", "no member"),
            No("NameValueCollection", new NameValueCollection { ["a"] = "b" }, "written and not read"),
            No("Hashtable", new Hashtable { [1] = 2 }, "keys"),
            No("dictionary with objects as keys", new Dictionary<object, int> { [1] = 2 }, "keys"),
            No("dictionary with records as keys", new Dictionary<Line, int>(), "keys"),
            No("priority queue", new PriorityQueue<int, int>(), "no member"),
            No("lone surrogate in a list", new List<string> { "secret\uD83D" }, "lone surrogate", "under a key of its own"),
            No("lone surrogate in an object", new Line("\uDE00", 1), "lone surrogate"),
            No("lone surrogate among characters", new List<char> { '\uD83D' }, "lone surrogate"),
            No("lone surrogate in a JsonObject", new JsonObject { ["a"] = "\uD83D" }, "lone surrogate"),
            No("lone surrogate behind a member of type object", new Holder { Value = "\uD83D" }, "lone surrogate"),
            No("lone surrogate in a key", new Dictionary<string, int>(StringComparer.Ordinal) { ["\uD83D"] = 1 }, "lone surrogate"),
            No("matrix of numbers", new int[1, 1], "more than one dimension", "array of arrays"),
            No("delegate", new Action(() => { }), "code"),
            No("delegate in a class", new WithCallback(), "WithCallback.Done", "code"),
            No<Type>("type", typeof(int), "code"),
            No("pointers in a list", new List<nint> { 1 }, "an element of", "long"),
        ];

    [TestCaseSource(nameof(Kept))]
    public async Task Value_comes_back_as_it_is(object value, Type type)
    {
        foreach (bool verifies in new[] { false, true })
        {
            WorkflowSession workflow = await OpenAsync(verifies);
            Untyped entries = Untyped.Of(workflow, type);
            entries.Set(value);
            object read = entries.Get()!;
            if (type != typeof(object))
            {
                Assert.That(Json(read, type), Is.EqualTo(Json(value, type)));
            }

            Assert.That(entries.Get(), Is.InstanceOf(type));
        }
    }

    [TestCaseSource(nameof(Refused))]
    public async Task Value_is_refused_with_its_type_its_member_and_the_way_out(object value, Type type, string[] words)
    {
        WorkflowSession workflow = await OpenAsync(verifies: false);
        WorkflowValueException? error = Assert.Throws<WorkflowValueException>(() => Untyped.Of(workflow, type).Set(value));
        TestContext.Out.WriteLine(error!.Message);
        Assert.That(
            error.Message,
            Does.Contain("'x'").And.Contain("'checkout'").And.Contain($"{value.GetType()}").And.Not.Contain("secret")
        );
        Assert.That(words.Where(word => !error.Message.Contains(word, StringComparison.Ordinal)), Is.Empty);
        Assert.That(workflow.Has("x"), Is.False);
        Assert.That(workflow.HasChanges, Is.False);
    }

    [Test]
    public async Task Refused_type_is_refused_again()
    {
        WorkflowSession workflow = await OpenAsync(verifies: false);
        Assert.That(() => workflow.Set("x", (1, 2)), Throws.InstanceOf<WorkflowValueException>());
        Assert.That(() => workflow.Set("x", (1, 2)), Throws.InstanceOf<WorkflowValueException>());
    }

    [Test]
    public async Task Lone_surrogate_is_refused_however_text_is_escaped()
    {
        JsonSessionSerializer serializer = new(new JsonSerializerOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });
        WorkflowSession workflow = await OpenAsync(verifies: false, serializer);
        Assert.That(() => workflow.Set("x", new List<string> { "a\uD83D" }), Throws.InstanceOf<WorkflowValueException>());
        workflow.Set("x", new List<string> { "a\uFFFD" });
        Assert.That(workflow.Get<List<string>>("x"), Is.EqualTo(new[] { "a\uFFFD" }));
    }

    [Test]
    public async Task Fields_are_data_where_the_options_say_so()
    {
        JsonSessionSerializer serializer = new(new JsonSerializerOptions { IncludeFields = true });
        WorkflowSession workflow = await OpenAsync(verifies: true, serializer);
        workflow.Set("tuple", (1, "a"));
        workflow.Set("fields", new Fields { X = 5 });
        Assert.That(workflow.Get<(int, string)>("tuple"), Is.EqualTo((1, "a")));
        Assert.That(workflow.Get<Fields>("fields")!.X, Is.EqualTo(5));
    }

    [Test]
    public async Task Converter_in_the_options_is_trusted()
    {
        JsonSessionSerializer serializer = new(new JsonSerializerOptions { Converters = { new BigIntegerConverter() } });
        WorkflowSession workflow = await OpenAsync(verifies: true, serializer);
        workflow.Set("list", new List<BigInteger> { BigInteger.Pow(10, 40) });
        Assert.That(workflow.Get<List<BigInteger>>("list"), Is.EqualTo(new[] { BigInteger.Pow(10, 40) }));
    }

    private static async Task<WorkflowSession> OpenAsync(bool verifies, ISessionSerializer? serializer = null)
    {
        InMemorySessionStoreOptions options = new() { VerifyValues = verifies, Serializer = serializer ?? new JsonSessionSerializer() };
        WorkflowSession workflow = new(new InMemorySessionStoreFactory(options).Open("alice"), "checkout");
        await workflow.LoadAsync();
        return workflow;
    }

    private static Dictionary<string, object?> Expando() => new(StringComparer.Ordinal) { ["a"] = 1, ["b"] = new[] { "c" } };

    private static Node Twice()
    {
        Node shared = new() { Name = "b" };
        return new Node { Next = shared, Children = [shared, shared] };
    }

    private static string Json(object value, Type type) =>
        // The order of a dictionary is no part of it.
        value is IDictionary { Count: > 9 } dictionary
            ? string.Join(',', dictionary.Keys.Cast<object>().Select(key => $"{key}={dictionary[key]}").Order(StringComparer.Ordinal))
            : JsonSerializer.Serialize(value, type);

    private static TestCaseData Case<T>(string name, T value) => new TestCaseData(value!, typeof(T)).SetArgDisplayNames(name);

    private static TestCaseData No<T>(string name, T value, params string[] words) =>
        new TestCaseData(value!, typeof(T), words).SetArgDisplayNames(name);

    /// <summary>Set and Get by a type that is known at run time only.</summary>
    private abstract class Untyped
    {
        public static Untyped Of(WorkflowSession workflow, Type type) =>
            (Untyped)Activator.CreateInstance(typeof(Typed<>).MakeGenericType(type), workflow)!;

        public abstract void Set(object value);

        public abstract object? Get();
    }

    private sealed class Typed<T>(WorkflowSession workflow) : Untyped
    {
        public override void Set(object value) => workflow.Set("x", (T)value);

        public override object? Get() => workflow.Get<T>("x");
    }
}
