using System.Globalization;
using System.Text;

namespace WorkflowSessions.Redis.Explorer;

/// <summary>Schedules with more clients, or more workflows, than can be explored, and damage.</summary>
public sealed class CrowdTests
{
    private const int Crowd = 70;

    private static readonly Scenario Known = new("Known") { Before = "set w" };

    [Test]
    public void Commit_is_applied_once_although_many_nodes_committed_before_its_resend()
    {
        using Play play = new(Known);
        Client first = play.Begin("a", "set w");
        play.RunToScript(first);
        play.Network.LoseAnswer(first);
        RunCrowd(play);
        play.Run(first);
        play.AssertNoViolation();
    }

    [Test]
    public void Late_copy_is_not_applied_although_many_nodes_committed_before_it()
    {
        using Play play = new(Known);
        Client first = play.Begin("a", "set w");
        play.RunToScript(first);
        play.Network.Delay(first);
        play.Run(first);
        RunCrowd(play);
        play.Network.DeliverLate(play.Network.Late[0]);
        play.AssertNoViolation();
    }

    [Test]
    public void Commit_is_stored_although_many_commits_of_its_node_overtake_it()
    {
        using Play play = new(Known);
        Client first = play.Begin("a", "set w");
        List<Client> clients = [first];
        for (int i = 0; i < Crowd; i++)
        {
            clients.Add(play.Begin(Name(i), "set w", first.Node));
        }

        clients.ForEach(play.RunToScript);
        play.RunLastFirst(clients);
        play.AssertNoViolation();
    }

    [Test]
    public void First_commit_of_a_node_is_stored_after_the_server_forgot_its_scripts()
    {
        using Play play = new(Known);
        RunCrowd(play);
        play.Network.Scripts.ForgetAll();
        play.Run(play.Begin("a", "set w"));
        play.AssertNoViolation();
    }

    [Test]
    public void End_of_a_session_that_fails_half_way_is_not_called_certainly_not_done()
    {
        const int Workflows = 1_200;
        using Play play = new(Known with { Workflows = ["w", Name(0), Name(Workflows - 1)], MaxWorkflows = Workflows });
        string root = play.Network.Root!;
        for (int i = 0; i < Workflows; i++)
        {
            play.Redis.Do("COPY", $"{root}:w", $"{root}:{Name(i)}");
            play.Redis.Do("ZADD", root, "9999999999999", Name(i));
        }

        play.Network.Pass(TimeSpan.FromSeconds(1));
        Client client = play.Begin("a", "endall");
        play.RunToScript(client);
        play.Network.Deliver(client);
        play.RunToScript(client);
        if (!client.IsDone)
        {
            play.Network.Refuse(client);
        }

        play.Run(client);

        play.AssertNoViolation();
    }

    [Test]
    public void End_of_a_session_returns_although_a_member_of_its_index_is_damaged()
    {
        using Play play = new(Known);
        play.Redis.Do([
            Encoding.ASCII.GetBytes("ZADD"),
            Encoding.ASCII.GetBytes(play.Network.Root!),
            "99999999999999"u8.ToArray(),
            [0xff, 0xfe],
        ]);
        Client client = play.Begin("a", "endall");
        play.Run(client, atMost: 50);
        Assert.That(client.IsDone, Is.True);
        play.AssertNoViolation();
    }

    [Test]
    public void Commit_that_is_acknowledged_is_renewed_although_the_index_has_another_type()
    {
        using Play play = new(new Scenario("Old") { Before = "set w", Age = TimeSpan.FromMinutes(15) });
        play.Redis.Do("SET", play.Network.Root!, "damage");
        play.Redis.Do("EXPIRE", play.Network.Root!, "10000");
        Client client = play.Begin("a", "load w; set w; set w");
        play.Run(client);
        Assert.That(play.Network.Checker.Violation, Is.Null.Or.Contain("was told"));
    }

    [Test]
    public void Two_session_ids_are_two_sessions_whatever_they_hold()
    {
        using Play play = new(Known);
        ISessionStoreFactory sessions = play.Begin("a", "load w").Node.Sessions;
        // Both would become the same UTF-8. A store may refuse them.
        Assert.That(() => sessions.Open("alice\ud800"), Throws.InstanceOf<ArgumentException>());
        Assert.That(() => sessions.Open("alice\ud801"), Throws.InstanceOf<ArgumentException>());
    }

    private static void RunCrowd(Play play)
    {
        for (int i = 0; i < Crowd; i++)
        {
            play.Run(play.Begin(Name(i), "set w"));
        }
    }

    private static string Name(int number) => string.Create(CultureInfo.InvariantCulture, $"n{number}");
}
