using System.Buffers;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace WorkflowSessions.Tests;

/// <summary>Objects by their declared type, with the application's own options where it has them.</summary>
public sealed partial class JsonSessionSerializerTests
{
    [Test]
    public async Task Source_generated_types_are_enough()
    {
        JsonSessionSerializer serializer = new(new JsonSerializerOptions { TypeInfoResolver = Context.Default });
        InMemorySessionStoreFactory factory = new(new InMemorySessionStoreOptions { Serializer = serializer });
        WorkflowSession workflow = new(factory.Open("alice"), "checkout");
        await workflow.LoadAsync();
        workflow.Set("dog", new Dog("Rex", "bone"));
        Assert.That(workflow.Get<Dog>("dog"), Is.EqualTo(new Dog("Rex", "bone")));
        Assert.That(() => workflow.Set("list", new List<int> { 1 }), Throws.InstanceOf<WorkflowValueException>(), "not in the context");
    }

    [Test]
    public async Task Declared_type_decides_what_is_written()
    {
        WorkflowSession workflow = new(new InMemorySessionStoreFactory().Open("alice"), "checkout");
        await workflow.LoadAsync();
        workflow.Set<Animal>("animal", new Dog("Rex", "bone"));
        workflow.Set<object>("object", new Dog("Rex", "bone"));
        Assert.That(((IDictionary<string, object?>)workflow.Get<object>("animal")!).Keys, Is.EqualTo(new[] { "Name" }));
        Assert.That(workflow.Get<Animal>("animal"), Is.EqualTo(new Animal("Rex")));
        Assert.That(workflow.Get<Dog>("object"), Is.EqualTo(new Dog("Rex", "bone")));
    }

    private static IEnumerable<TestCaseData> WithoutResolver =>
        [
            new TestCaseData(new JsonSerializerOptions()).SetArgDisplayNames("new"),
            new TestCaseData(new JsonSerializerOptions(JsonSerializerDefaults.Web)).SetArgDisplayNames("web"),
            new TestCaseData(new JsonSerializerOptions { Converters = { new JsonStringEnumConverter() } }).SetArgDisplayNames("converter"),
            new TestCaseData(JsonSerializerOptions.Web).SetArgDisplayNames("shared web"),
        ];

    [TestCaseSource(nameof(WithoutResolver))]
    public async Task Options_without_a_resolver_use_reflection(JsonSerializerOptions options)
    {
        WorkflowSession workflow = await OpenAsync(options);
        workflow.Set("dog", new Dog("Rex", "bone"));
        Assert.That(workflow.Get<Dog>("dog"), Is.EqualTo(new Dog("Rex", "bone")));
        workflow.Set("days", new List<DayOfWeek> { DayOfWeek.Friday });
        Assert.That(workflow.Get<List<DayOfWeek>>("days"), Is.EqualTo(new[] { DayOfWeek.Friday }));
    }

    [Test]
    public void Options_decide_how_it_is_written()
    {
        JsonSerializerOptions options = new()
        {
            Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
            WriteIndented = true,
            IndentSize = 1,
            NewLine = "\n",
            PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        };
        ArrayBufferWriter<byte> written = new();
        new JsonSessionSerializer(options).Serialize(new Animal("caf\u00E9 <b>"), typeof(Animal), written);
        Assert.That(Encoding.UTF8.GetString(written.WrittenSpan), Is.EqualTo("{\n \"name\": \"caf\u00E9 <b>\"\n}"));
    }

    [Test]
    public async Task Deep_value_is_read_with_a_type_and_without()
    {
        WorkflowSession workflow = await OpenAsync(new JsonSerializerOptions { MaxDepth = 200 });
        workflow.Set("deep", Nested.Of(180));
        Assert.That(workflow.Get<Nested>("deep")!.Depth, Is.EqualTo(180));
        Assert.That(workflow.GetAll()["deep"], Is.InstanceOf<IReadOnlyDictionary<string, object?>>());
        Assert.That(workflow.Get<object>("deep"), Is.InstanceOf<IReadOnlyDictionary<string, object?>>());
        Assert.That(() => workflow.Set("deep", Nested.Of(201)), Throws.InstanceOf<WorkflowValueException>());
    }

    [Test]
    public void Comments_and_commas_are_read_where_the_options_allow_them()
    {
        JsonSessionSerializer serializer = new(
            new JsonSerializerOptions { AllowTrailingCommas = true, ReadCommentHandling = JsonCommentHandling.Skip }
        );
        byte[] json = "[1, /* two */ 2,]"u8.ToArray();
        Assert.That(serializer.Deserialize(json, typeof(object)), Is.EqualTo(new object[] { 1L, 2L }));
        Assert.That(() => new JsonSessionSerializer().Deserialize(json, typeof(object)), Throws.InstanceOf<JsonException>());
    }

    [Test]
    public async Task Object_of_another_type_is_an_error_where_its_constructor_needs_what_is_not_there()
    {
        WorkflowSession workflow = await OpenAsync(options: null);
        workflow.Set("address", new Address("Main Street"));
        Assert.That(() => workflow.Get<Preferences>("address"), Throws.InstanceOf<WorkflowValueException>());
        Assert.That(workflow.Get<Preferences>("absent"), Is.Null);
    }

    [Test]
    public void Options_are_needed() => Assert.That(() => new JsonSessionSerializer(null!), Throws.ArgumentNullException);

    private static async Task<WorkflowSession> OpenAsync(JsonSerializerOptions? options)
    {
        InMemorySessionStoreOptions store = new()
        {
            Serializer = options is null ? new JsonSessionSerializer() : new JsonSessionSerializer(options),
            VerifyValues = true,
        };
        WorkflowSession workflow = new(new InMemorySessionStoreFactory(store).Open("alice"), "checkout");
        await workflow.LoadAsync();
        return workflow;
    }

    internal sealed record Address(string Street);

    internal sealed record Preferences(string Language, bool News);

    internal sealed class Nested
    {
        public Nested? Inner { get; set; }

        public int Depth
        {
            get
            {
                int depth = 0;
                for (Nested? nested = this; nested is not null; nested = nested.Inner)
                {
                    depth++;
                }

                return depth;
            }
        }

        public static Nested Of(int depth)
        {
            Nested? nested = null;
            for (int i = 0; i < depth; i++)
            {
                nested = new Nested { Inner = nested };
            }

            return nested!;
        }
    }

    internal record Animal(string Name);

    internal sealed record Dog(string Name, string Toy) : Animal(Name);

    [JsonSerializable(typeof(Dog))]
    internal sealed partial class Context : JsonSerializerContext;
}
