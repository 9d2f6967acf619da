namespace WorkflowSessions.Tests;

public sealed class SkeletonTests
{
    [Test]
    public void Set_then_get()
    {
        WorkflowSession workflow = new(new Dictionary<string, object?>(), "a");
        workflow.Set("x", 1);
        Assert.That(workflow.Get<int>("x"), Is.EqualTo(1));
    }
}
