namespace WorkflowSessions.Redis.Explorer;

/// <summary>A workflow remembers its commits for as long as copies of them can be executed, and the server refuses those that are too late.</summary>
public sealed class WindowTests
{
    // Shorter than a copy is valid: CommandTimeout is 5 seconds.
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(4);

    private static readonly Scenario Absent = new("Absent");

    [Test]
    public void Copy_of_a_commit_is_refused_for_as_long_as_it_is_valid_although_its_workflow_ended()
    {
        using Play play = new(Absent);
        Client first = play.Begin("a", "list | set w");
        play.RunToScript(first);
        play.Network.Duplicate(first);
        play.Run(first);
        play.Run(play.Begin("b", "end w"));
        play.Network.Pass(Soon);
        play.Network.DeliverLate(play.Network.Late[0]);
        play.AssertNoViolation();
    }

    [Test]
    public void Copy_that_is_too_late_is_not_executed()
    {
        using Play play = new(Absent);
        Client first = play.Begin("a", "list | set w");
        play.RunToScript(first);
        play.Network.TimeOut(first);
        play.Network.DeliverLate(play.Network.Late[0]);
        Assert.That(play.Network.Look().Of("w"), Is.Null);
        play.AssertNoViolation();
    }
}
