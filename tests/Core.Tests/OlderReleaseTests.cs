using System.Buffers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.Extensions.Logging;
using WorkflowSessions.Contracts;

namespace WorkflowSessions.Tests;

/// <summary>What an application reads that an older release of it wrote. docs/values.md has a line for each.</summary>
public sealed class OlderReleaseTests
{
    public enum Plan
    {
        Free,
        Pro = 7,
    }

    [Test]
    public async Task New_member_has_its_initial_value()
    {
        WorkflowSession workflow = await StoredAsync("{\"Name\":\"Ann\"}");
        Customer customer = workflow.Get<Customer>("x")!;
        Assert.That(customer.Name, Is.EqualTo("Ann"));
        Assert.That(customer.Language, Is.EqualTo("en"));
    }

    [Test]
    public async Task Removed_member_is_passed_over()
    {
        WorkflowSession workflow = await StoredAsync("{\"Name\":\"Ann\",\"Fax\":\"555\"}");
        Assert.That(workflow.Get<Customer>("x")!.Name, Is.EqualTo("Ann"));
    }

    [Test]
    public async Task Renamed_member_has_its_initial_value_unless_it_is_required()
    {
        WorkflowSession workflow = await StoredAsync("{\"FullName\":\"Ann\"}");
        Assert.That(workflow.Get<Customer>("x")!.Name, Is.Null);
        Assert.That(() => workflow.Get<RequiredName>("x"), Throws.InstanceOf<WorkflowValueException>());
        Assert.That(() => workflow.Get<RecordWithName>("x"), Throws.InstanceOf<WorkflowValueException>());
        Assert.That(workflow.Get<RecordWithDefault>("x"), Is.EqualTo(new RecordWithDefault()));
    }

    [Test]
    public async Task Member_of_another_type_is_an_error()
    {
        WorkflowSession workflow = await StoredAsync("{\"Name\":5}");
        Assert.That(() => workflow.Get<Customer>("x"), Throws.InstanceOf<WorkflowValueException>());
    }

    [Test]
    public async Task Removed_name_of_an_enum_is_an_error_where_names_are_stored_and_a_number_elsewhere()
    {
        JsonSerializerOptions names = new() { Converters = { new JsonStringEnumConverter() } };
        WorkflowSession named = await StoredAsync("[\"Gold\"]", new JsonSessionSerializer(names));
        Assert.That(() => named.Get<List<Plan>>("x"), Throws.InstanceOf<WorkflowValueException>());
        WorkflowSession numbered = await StoredAsync("[9]");
        Assert.That(numbered.Get<List<Plan>>("x"), Is.EqualTo(new[] { (Plan)9 }));
    }

    [Test]
    public async Task Value_that_was_an_object_and_is_a_scalar_now_is_an_error()
    {
        WorkflowSession workflow = await StoredAsync("{\"Name\":\"Ann\"}");
        Assert.That(() => workflow.Get<int>("x"), Throws.InstanceOf<WorkflowValueException>());
        Assert.That(() => workflow.TryGet("x", out string? _), Throws.InstanceOf<WorkflowValueException>());
        Assert.That(workflow.Has("x"), Is.True);
    }

    [Test]
    public async Task Discarded_value_is_a_warning_without_its_key_and_its_content()
    {
        LogOfTest log = new();
        WorkflowSession workflow = await StoredAsync("{\"FullName\":\"Ann\"}", log: log);
        RecordWithName fresh = new("nobody");
        Assert.That(workflow.GetOrDiscard("x", fresh), Is.SameAs(fresh));
        Assert.That(workflow.Has("x"), Is.False);
        Assert.That(workflow.HasChanges, Is.True);
        Assert.That(workflow.GetOrDiscard("x", fresh), Is.SameAs(fresh));
        string message = log.Of(6).Single();
        Assert.That(message, Does.Contain("checkout").And.Contain(nameof(RecordWithName)).And.Not.Contain("Ann").And.Not.Contain("'x'"));
    }

    [Test]
    public async Task Value_that_can_be_read_is_not_discarded()
    {
        LogOfTest log = new();
        WorkflowSession workflow = await StoredAsync("{\"Name\":\"Ann\"}", log: log);
        Assert.That(workflow.GetOrDiscard<RecordWithName>("x"), Is.EqualTo(new RecordWithName("Ann")));
        Assert.That(workflow.HasChanges, Is.False);
        Assert.That(log.Messages, Is.Empty);
    }

    /// <summary>A workflow in which an older release has stored an object.</summary>
    private static async Task<WorkflowSession> StoredAsync(string json, ISessionSerializer? serializer = null, ILoggerFactory? log = null)
    {
        InMemorySessionStoreOptions options = new() { Serializer = new Raw(), LoggerFactory = log };
        InMemorySessionStoreFactory factory = new(options);
        WorkflowSession old = new(factory.Open("alice"), "checkout");
        await old.LoadAsync();
        old.Set("x", new StringBuilder(json));
        await old.CommitAsync();
        options.Serializer = serializer ?? new JsonSessionSerializer();
        WorkflowSession workflow = new(factory.Open("alice"), "checkout");
        await workflow.LoadAsync();
        return workflow;
    }

    public sealed class Customer
    {
        public string? Name { get; set; }
        public string Language { get; set; } = "en";
    }

    public sealed class RequiredName
    {
        public required string Name { get; set; }
    }

    public sealed record RecordWithName(string Name);

    public sealed record RecordWithDefault(string Name = "nobody");

    /// <summary>Writes a text as it is.</summary>
    private sealed class Raw : ISessionSerializer
    {
        public void Serialize(object value, Type type, IBufferWriter<byte> writer) =>
            writer.Write(Encoding.UTF8.GetBytes(value.ToString()!));

        public object? Deserialize(ReadOnlyMemory<byte> payload, Type type) => throw new NotSupportedException();
    }
}
