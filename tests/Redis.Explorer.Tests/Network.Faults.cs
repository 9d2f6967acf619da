namespace WorkflowSessions.Redis.Explorer;

/// <content>What can go wrong between a client and the server.</content>
internal sealed partial class Network
{
    // A CommandTimeout of 5 seconds, and the second in which the client of Redis notices.
    private static readonly TimeSpan ClientTimeout = TimeSpan.FromSeconds(6);

    /// <summary>Delivers the next message, and a copy of it may arrive again.</summary>
    public void Duplicate(Client client)
    {
        Note(Happenings.Duplicate);
        _late.Add(client.Front!);
        client.Front!.Call!.MetFault = true;
        Deliver(client);
    }

    /// <summary>The next message is executed; the connection breaks before the answer.</summary>
    public void LoseAnswer(Client client)
    {
        Note(Happenings.LostAnswer);
        Message[] broken = client.TakeAll();
        Execute(broken[0], "executed, its answer is lost");
        Fail(broken, ClientErrors.Broken());
    }

    /// <summary>The connection breaks before the next message is executed. It may still arrive, at any later time.</summary>
    public void Delay(Client client)
    {
        Message[] broken = client.TakeAll();
        Say($"{broken[0]} is delayed, its connection breaks");
        _late.AddRange(broken.Where(message => message.IsWrite));
        Fail(broken, ClientErrors.Broken());
    }

    /// <summary>The connection breaks, and what was sent is lost.</summary>
    public void LoseRequest(Client client)
    {
        Note(Happenings.LostRequest);
        Message[] broken = client.TakeAll();
        Say($"{broken[0]} is lost");
        Fail(broken, ClientErrors.Broken());
    }

    /// <summary>The client of Redis has no connection to send on. That is certain, so that it is told as such.</summary>
    public void Refuse(Client client)
    {
        Note(Happenings.NoConnection);
        Message message = client.Take();
        Say($"{message} can't be sent");
        Fail([message], ClientErrors.NotSent());
    }

    /// <summary>The answer does not come within the client's timeout. The message may still arrive.</summary>
    public void TimeOut(Client client)
    {
        Note(Happenings.Timeout);
        Message[] broken = client.TakeAll();
        Say($"{broken[0]} times out");
        _late.AddRange(broken.Where(message => message.IsWrite));
        Pass(ClientTimeout);
        Fail(broken, ClientErrors.TimedOut());
    }

    /// <summary>The process ends, with all clients in it. What they sent may still arrive.</summary>
    public void Crash(Client client)
    {
        Note(client.Front!.IsWrite ? Happenings.CrashBeforeWrite : Happenings.CrashBeforeRead);
        foreach (Client one in Clients.Where(one => one.Node == client.Node && !one.IsDone))
        {
            Say($"{one.Name} crashes");
            one.Crash();
            _late.AddRange(one.TakeAll().Where(message => message.IsWrite));
        }
    }

    public void DeliverLate(Message message)
    {
        _late.Remove(message);
        if (Step > message.SentAt)
        {
            Note(Happenings.DelayPastOtherMessages);
        }

        Note(
            message.IsRenewal ? Happenings.LateRenewal
            : message.IsEnd ? Happenings.LateEndOfSession
            : Happenings.None
        );
        Execute(message, "arrives late");
    }

    private static void Fail(Message[] messages, Exception error)
    {
        foreach (Message message in messages)
        {
            message.Call!.MetFault = true;
            message.Fail(error);
        }
    }

    private void NoteExecuted(Message message, object? answer)
    {
        TimeSpan offset = message.Client.Node.ClockOffset;
        Note(
            message.IsRenewal ? Happenings.Renewal
            : message.IsCommit && offset > TimeSpan.Zero ? Happenings.CommitWithClockAnHourAhead
            : message.IsCommit && offset < TimeSpan.Zero ? Happenings.CommitWithClockAnHourBehind
            : Happenings.None
        );
        Note(
            // Seconds and microseconds come first.
            answer is not object?[] items
                ? Happenings.None
            : items.Length == 2
                ? message.IsCommit ? Happenings.StoredAsExpected
                    : Happenings.None
            : (Answer)(long)items[2]! is var outcome && outcome == Answer.Late ? Happenings.RefusedAsLate
            : outcome == Answer.Stored ? Happenings.StoredTheLongWay
            : outcome == Answer.Changed ? Happenings.RefusedAsChanged
            : outcome == Answer.Ended ? Happenings.RefusedAsEnded
            : Happenings.None
        );
    }
}
