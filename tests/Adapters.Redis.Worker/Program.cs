using System.Globalization;
using StackExchange.Redis;
using WorkflowSessions;
using WorkflowSessions.Redis;
using WorkflowSessions.Redis.Worker;

// A node of a farm in a process of its own. Arguments: the address of Redis, the prefix of the keys, and "broken" for the broken store. It does
// what it reads, line by line, and answers each with one line.
//   load SESSION            opens the workflow "checkout" of a session
//   commit KEY VALUE        sets a key in it and commits
//   end                     ends it and commits
//   increment SESSION N T   N writers, each with T updates that count one key up
await using ConnectionMultiplexer connection = await ConnectionMultiplexer.ConnectAsync(args[0]);
ISessionStoreFactory sessions = args.Contains("broken", StringComparer.Ordinal)
    ? new NonAtomicFactory(connection)
    : new RedisSessionStoreFactory(connection, Counting.Options(args[1]));
WorkflowSession? workflow = null;
while (await Console.In.ReadLineAsync() is { } line)
{
    string[] words = line.Split(' ');
    string answer = "done";
    try
    {
        switch (words[0])
        {
            case "load":
                workflow = new WorkflowSession(sessions.Open(words[1]), "checkout");
                await workflow.LoadAsync();
                break;
            case "commit":
                workflow!.Set(words[1], words[2]);
                await workflow.CommitAsync();
                break;
            case "end":
                workflow!.End();
                await workflow.CommitAsync();
                break;
            case "increment":
                int writers = int.Parse(words[2], CultureInfo.InvariantCulture);
                int times = int.Parse(words[3], CultureInfo.InvariantCulture);
                await Counting.IncrementAsync(sessions, words[1], writers, times);
                break;
            default:
                answer = "unknown";
                break;
        }
    }
    catch (WorkflowSessionException error)
    {
        answer = error.GetType().Name;
    }

    await Console.Out.WriteLineAsync(answer);
}
