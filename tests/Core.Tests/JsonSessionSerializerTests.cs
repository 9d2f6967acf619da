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

    [Test]
    public void Options_are_needed() => Assert.That(() => new JsonSessionSerializer(null!), Throws.ArgumentNullException);

    internal record Animal(string Name);

    internal sealed record Dog(string Name, string Toy) : Animal(Name);

    [JsonSerializable(typeof(Dog))]
    internal sealed partial class Context : JsonSerializerContext;
}
