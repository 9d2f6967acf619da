namespace WorkflowSessions.Redis.Explorer;

/// <summary>One command on its way from a client to the server, and the way of its answer back.</summary>
internal abstract class Message(Client client, Call? call, string name, byte[][] words)
{
    public Client Client => client;

    /// <summary>The call of the request that sent it.</summary>
    public Call? Call => call;

    /// <summary>Which run of the call it belongs to: a conflicting update runs again, and a resend has the run of its first copy.</summary>
    public int Run { get; } = call?.Runs.Count - 1 ?? -1;

    /// <summary>The name of the command, for reports.</summary>
    public string Name => name;

    public byte[][] Words => words;

    // EVALSHA, the script, the number of keys, the workflow, the index, and the arguments.
    public byte[] RenewedKey => words[3];

    public string RenewedGeneration => System.Text.Encoding.ASCII.GetString(words[5]);

    /// <summary>How many messages had been executed when it was sent.</summary>
    public int SentAt { get; } = client.Network.Step;

    /// <summary>Whether it is a script that can write. All other commands of the store only read.</summary>
    public bool IsWrite { get; init; }

    public bool IsCommit => name == "commit";

    public bool IsRenewal => name == "renewal";

    /// <summary>Whether it ends the session.</summary>
    public bool IsEnd => name == "end";

    /// <summary>Whether the order to other messages can't matter for what is stored, so that it is delivered at once.</summary>
    public bool IsTrivial { get; init; }

    /// <summary>Completes the wait of the client. What it does next has happened when this returns, unless it waits for another thread.</summary>
    public abstract void Answer(object? answer);

    public abstract void Fail(Exception error);

    public override string ToString() => $"{client.Name}: {name}{(call is null ? "" : $" of '{call.Step}'")}";
}

/// <inheritdoc />
internal sealed class Message<T>(Client client, Call? call, string name, byte[][] words, Func<object?, T> convert)
    : Message(client, call, name, words)
{
    // Continuations run on the thread that delivers: a schedule has no other.
    private readonly TaskCompletionSource<T> _answer = new();

    public Task<T> Task => _answer.Task;

    public override void Answer(object? answer)
    {
        if (answer is ServerError error)
        {
            Fail(ClientErrors.Answered(error.Message));
        }
        else
        {
            _answer.SetResult(convert(answer));
        }
    }

    public override void Fail(Exception error) => _answer.SetException(error);
}
