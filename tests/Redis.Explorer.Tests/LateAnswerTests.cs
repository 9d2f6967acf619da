namespace WorkflowSessions.Redis.Explorer;

/// <summary>The answer "late" to a resend says nothing about a copy that was executed before, unless the server still remembers it.</summary>
public sealed class LateAnswerTests
{
    private static readonly TimeSpan LongDelay = TimeSpan.FromMinutes(3);
    private static readonly Scenario Known = new("Known") { Before = "set w" };

    [TestCase("end w")]
    [TestCase("load w; endall")]
    public void Commit_is_not_called_certainly_not_stored_when_its_number_was_forgotten_before_the_answer(string program)
    {
        using Play play = new(Known);
        Client client = play.Begin("a", program);
        LoseAnswer(play, client);
        play.Network.Pass(LongDelay);
        play.Run(client);
        play.AssertNoViolation();
    }

    [Test]
    public void End_of_a_session_is_not_called_certainly_not_done_when_the_answer_to_its_resend_is_late()
    {
        using Play play = new(Known);
        Client client = play.Begin("a", "load w; endall");
        LoseAnswer(play, client);
        play.Network.Pass(TimeSpan.FromSeconds(6));
        play.Run(client);
        play.AssertNoViolation();
    }

    [Test]
    public void Commit_is_not_applied_twice_when_its_node_was_suspended_until_its_number_was_forgotten()
    {
        using Play play = new(new Scenario("Short") { IdleTimeout = TimeSpan.FromSeconds(2) });
        Client client = play.Begin("a", "list | set w");
        LoseAnswer(play, client);
        play.Network.Suspend(LongDelay);
        play.Run(client);
        play.AssertNoViolation();
    }

    [Test]
    public void Commit_is_not_called_certainly_not_stored_when_a_copy_is_still_on_its_way_and_the_clock_goes_back()
    {
        using Play play = new(Known);
        Client client = play.Begin("a", "set w");
        play.RunToScript(client);
        play.Network.Delay(client);
        play.Network.Settle();
        play.Network.Pass(TimeSpan.FromSeconds(1));
        play.RunToScript(client);
        play.Network.Pass(TimeSpan.FromSeconds(4.5));
        play.Run(client);
        play.Network.SetClockBack(TimeSpan.FromSeconds(5));
        play.Network.DeliverLate(play.Network.Late[0]);
        play.AssertNoViolation();
    }

    private static void LoseAnswer(Play play, Client client)
    {
        play.RunToScript(client);
        play.Network.LoseAnswer(client);
        play.Network.Settle();
    }
}
