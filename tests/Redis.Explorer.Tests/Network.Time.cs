namespace WorkflowSessions.Redis.Explorer;

/// <content>How time passes.</content>
internal sealed partial class Network
{
    /// <summary>Lets time pass for all clocks, and for all that expires.</summary>
    public void Pass(TimeSpan time)
    {
        PassOnServer(time);
        FollowTime();
        foreach (Client client in Clients)
        {
            client.Node.Time.FireDue();
        }
    }

    /// <summary>All nodes are suspended, with their virtual machine for example: their stopwatches stand still, and the server's clock goes on.</summary>
    public void Suspend(TimeSpan time)
    {
        _suspended += time;
        Note(Happenings.SuspendedNodes);
        Say("All nodes are suspended while");
        PassOnServer(time);
    }

    /// <summary>The clock of the server is corrected. Stopwatches go on.</summary>
    public void SetClockBack(TimeSpan time)
    {
        Say($"The clock of the server goes back by {time}");
        Passed -= time;
        _suspended -= time;
        Step++;
        _server.SetTime(Now);
    }

    private void PassOnServer(TimeSpan time)
    {
        Passed += time;
        Step++;
        foreach (Call waiting in Checker.Calls.Where(call => call.IsWaiting))
        {
            waiting.MetFault = true;
        }

        Note(Happenings.TimePassed);
        Say($"{time} pass");
        if (Root is not null)
        {
            _server.Pass(Root, _scenario.Workflows, time);
        }

        _server.SetTime(Now);
        Checker.Passed(Look());
    }

    private void FollowTime()
    {
        foreach (Client client in Clients)
        {
            client.Node.Time.Follow(PassedOnNodes);
        }
    }
}
