using System.Buffers;
using System.Collections.Immutable;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace WorkflowSessions.Tests;

/// <summary>In Development and in unit tests Set reads each value back, and so notices what no contract tells.</summary>
public sealed partial class VerifyValuesTests
{
    private static IEnumerable<TestCaseData> Changing =>
        [
            Case("list behind a get-only property", Order.Of("tea"), "Order.Lines"),
            Case("value that a getter changes", new Growing { Count = 5 }, "Growing.Count"),
            Case("value that a setter rounds", Rounding.Of(1.25m), "Rounding.Price"),
            Case("default that is left out and is not the initial value", new LeftOut { Count = 0 }, "LeftOut.Count"),
            Case("tuple behind a member of type object", new List<object> { (1, 2) }, "Item1"),
            Case("tuple behind an object in a dictionary", new Dictionary<string, object> { ["a"] = (1, 2) }, "Item1"),
            Case("lone surrogate in a list", new List<string> { "a\uD83D" }, "lone surrogate"),
            Case("lone surrogate in an object", new Person { Name = "a\uD83D" }, "lone surrogate"),
            Case("lone surrogate in a key", new Dictionary<string, int> { ["\uD83D"] = 1 }, "lone surrogate"),
            Case("dictionary without letter case", new Dictionary<string, int>(StringComparer.OrdinalIgnoreCase) { ["a"] = 1 }, "comparer"),
            Case("set without letter case", new HashSet<string>(StringComparer.OrdinalIgnoreCase) { "a" }, "comparer"),
            Case("empty set without letter case", new HashSet<string>(StringComparer.OrdinalIgnoreCase), "comparer"),
            Case("sorted set by another order", new SortedSet<int>(Comparer<int>.Create((a, b) => b - a)) { 1, 2 }, "comparer"),
            Case("immutable set without letter case", ImmutableHashSet.Create(StringComparer.OrdinalIgnoreCase, "a"), "comparer"),
            Case("set inside an object", new Person { Names = new(StringComparer.OrdinalIgnoreCase) }, "comparer"),
            Case("constructor that refuses what was written", new Strict(5), "can't be read back"),
        ];

    [TestCaseSource(nameof(Changing))]
    public async Task Value_that_comes_back_as_another_is_refused(object value, string words)
    {
        WorkflowSession workflow = await OpenAsync(verifies: true);
        WorkflowValueException? error = Assert.Throws<WorkflowValueException>(() => workflow.Set("x", value));
        TestContext.Out.WriteLine(error!.Message);
        Assert.That(error.Message, Does.Contain("'x'").And.Contain("'checkout'").And.Contain($"{value.GetType()}").And.Contain(words));
        Assert.That(workflow.HasChanges, Is.False);
    }

    [Test]
    public async Task Collection_with_a_comparer_that_its_owner_makes_is_kept()
    {
        WorkflowSession workflow = await OpenAsync(verifies: true);
        Headers headers = new();
        headers.Values["A"] = 1;
        workflow.Set("x", headers);
        Assert.That(workflow.Get<Headers>("x")!.Values["a"], Is.EqualTo(1));
    }

    [Test]
    public async Task Member_that_depends_on_the_clock_is_no_change()
    {
        WorkflowSession workflow = await OpenAsync(verifies: true);
        workflow.Set("x", new Counting { Name = "a" });
        Assert.That(workflow.Get<Counting>("x")!.Name, Is.EqualTo("a"));
    }

    [Test]
    public async Task Source_generated_types_are_verified()
    {
        JsonSessionSerializer serializer = new(new JsonSerializerOptions { TypeInfoResolver = VerifiedContext.Default });
        WorkflowSession workflow = await OpenAsync(verifies: true, serializer);
        workflow.Set("person", new Person { Name = "Ann" });
        workflow.Set("record", new Record("Ann", [1]));
        Assert.That(workflow.Get<Person>("person")!.Name, Is.EqualTo("Ann"));
        Assert.That(workflow.Get<Record>("record")!.Numbers, Is.EqualTo(new[] { 1 }));
        Assert.That(() => workflow.Set("person", new Person { Name = "\uD83D" }), Throws.InstanceOf<WorkflowValueException>());
        Assert.That(() => workflow.Set("tuples", new List<(int, int)>()), Throws.InstanceOf<WorkflowValueException>());
        Assert.That(() => workflow.Set("private", new PrivateSetter()), Throws.InstanceOf<WorkflowValueException>());
    }

    [Test]
    public async Task Serializer_of_the_applications_is_verified_too()
    {
        WorkflowSession workflow = await OpenAsync(verifies: true, new UpperCase());
        workflow.Set("x", new Person { Name = "ANN" });
        Assert.That(() => workflow.Set("x", new Person { Name = "Ann" }), Throws.InstanceOf<WorkflowValueException>());
    }

    [Test]
    public async Task Elsewhere_nothing_is_read_back()
    {
        WorkflowSession workflow = await OpenAsync(verifies: false);
        workflow.Set("x", new Strict(5));
        Assert.That(workflow.HasChanges, Is.True);
    }

    [TestCase("Development", null, true)]
    [TestCase("Production", null, false)]
    [TestCase("Staging", null, false)]
    [TestCase("Development", false, false)]
    [TestCase("Production", true, true)]
    public async Task Host_in_Development_verifies_unless_the_options_say_otherwise(string environment, bool? option, bool expected)
    {
        HostApplicationBuilder builder = Host.CreateApplicationBuilder(
            new HostApplicationBuilderSettings { EnvironmentName = environment }
        );
        builder.Services.AddWorkflowSessions().AddInMemoryStore(options => options.VerifyValues = option);
        using IHost host = builder.Build();
        Assert.That(host.Services.GetRequiredService<IOptions<InMemorySessionStoreOptions>>().Value.VerifyValues, Is.EqualTo(expected));
        WorkflowSession workflow = new(host.Services.GetRequiredService<ISessionStoreFactory>().Open("alice"), "checkout");
        await workflow.LoadAsync();
        Assert.That(() => workflow.Set("x", Order.Of("tea")), expected ? Throws.InstanceOf<WorkflowValueException>() : Throws.Nothing);
    }

    private static async Task<WorkflowSession> OpenAsync(bool verifies, ISessionSerializer? serializer = null)
    {
        InMemorySessionStoreOptions options = new() { VerifyValues = verifies, Serializer = serializer ?? new JsonSessionSerializer() };
        WorkflowSession workflow = new(new InMemorySessionStoreFactory(options).Open("alice"), "checkout");
        await workflow.LoadAsync();
        return workflow;
    }

    private static TestCaseData Case(string name, object value, string words) => new TestCaseData(value, words).SetArgDisplayNames(name);

    public sealed class Order
    {
        private readonly List<string> _lines = [];

        public IReadOnlyList<string> Lines => _lines;
        public string? Note { get; set; }

        public static Order Of(string line)
        {
            Order order = new();
            order._lines.Add(line);
            return order;
        }
    }

    public sealed class Growing
    {
        private int _count;

        public int Count
        {
            get => _count + 1;
            set => _count = value;
        }
    }

    public sealed class Rounding
    {
        private decimal _price;

        public decimal Price
        {
            get => _price;
            set => _price = Math.Round(value);
        }

        public static Rounding Of(decimal price) => new() { _price = price };
    }

    public sealed class LeftOut
    {
        [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
        public int Count { get; set; } = 5;
    }

    public sealed class Person
    {
        public string? Name { get; set; }
        public HashSet<string> Names { get; set; } = [];
    }

    public sealed class Headers
    {
        [JsonObjectCreationHandling(JsonObjectCreationHandling.Populate)]
        public Dictionary<string, int> Values { get; } = new(StringComparer.OrdinalIgnoreCase);
    }

    public sealed class Counting
    {
        private static int _reads;

        public string? Name { get; set; }
        public int Reads => Interlocked.Increment(ref _reads) + (Name?.Length ?? 0);
    }

    public sealed class Strict
    {
        private readonly int _count;

        public Strict(int count) => _count = count > 9 ? throw new ArgumentOutOfRangeException(nameof(count)) : count;

        // It is written as another number than the constructor takes.
        public int Count => _count + 5;
    }

    public sealed class PrivateSetter
    {
        public int Count { get; private set; }
    }

    public sealed record Record(string Name, List<int> Numbers);

    [JsonSerializable(typeof(Person))]
    [JsonSerializable(typeof(Record))]
    [JsonSerializable(typeof(List<(int, int)>))]
    [JsonSerializable(typeof(PrivateSetter))]
    internal sealed partial class VerifiedContext : JsonSerializerContext;

    private sealed class UpperCase : ISessionSerializer
    {
        public void Serialize(object value, Type type, IBufferWriter<byte> writer) =>
            writer.Write(Encoding.UTF8.GetBytes(((Person)value).Name!));

        public object? Deserialize(ReadOnlyMemory<byte> payload, Type type) =>
            new Person { Name = Encoding.UTF8.GetString(payload.Span).ToUpperInvariant() };
    }
}
