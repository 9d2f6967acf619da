namespace WorkflowSessions.Architecture;

public sealed class SkeletonTests
{
    [Test]
    public void Public_types_are_in_the_namespace() =>
        Assert.That(
            typeof(WorkflowSession).Assembly.GetExportedTypes().Select(type => type.Namespace).Distinct(),
            Is.EqualTo(new[] { "WorkflowSessions" })
        );
}
