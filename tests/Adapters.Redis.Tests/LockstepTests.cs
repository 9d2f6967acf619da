using System.Globalization;
using System.Text;
using StackExchange.Redis;

namespace WorkflowSessions.Redis.Tests;

/// <summary>
/// Random commits go through <see cref="WorkflowCommit.Apply"/> and through the script. All answers and all stored bytes are equal: also those of the
/// metadata, but for the moment at which the script ran, which its answer tells.
/// </summary>
public sealed class LockstepTests
{
    private const int Workflows = 40;
    private const int Commits = 50;
    private static readonly string[] Keys = ["a", "b", "c", "ö", "#", ""];
    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false);

    [Test]
    public async Task Script_and_code_apply_the_same_rules()
    {
        int seed = Random.Shared.Next();
        await TestContext.Out.WriteLineAsync($"Seed {seed}");
        Random random = new(seed);
        Dictionary<Answer, int> outcomes = [];
        for (int i = 0; i < Workflows; i++)
        {
            await RunAsync(random, outcomes, $"seed {seed}, workflow {i}");
        }

        await TestContext.Out.WriteLineAsync(string.Join(", ", outcomes.OrderBy(outcome => outcome.Key)));
        Assert.That(outcomes.Keys, Is.EquivalentTo(new[] { Answer.Stored, Answer.Removed, Answer.Changed, Answer.Ended }));
    }

    private static async Task RunAsync(Random random, Dictionary<Answer, int> outcomes, string where)
    {
        await using RedisHarness harness = new();
        WorkflowLayout layout = WorkflowLayout.Of(harness.Prefix, "lockstep");
        RedisKey key = layout.Key("checkout");
        // All that requests may have loaded, an absent workflow among it.
        List<WorkflowRecord?> seen = [null];
        WorkflowRecord? model = null;
        long number = 0;
        (string Node, long Number, string Mark)[] nodes = [];
        for (int i = 0; i < Commits; i++)
        {
            BufferedSessionStoreOptions options = new()
            {
                IdleTimeout = random.Next(4) == 0 ? null : TimeSpan.FromMinutes(random.Next(1, 40)),
                AbsoluteTimeout = TimeSpan.FromMinutes(random.Next(1, 60)),
            };
            WorkflowRecord? loaded = random.Next(3) == 0 ? seen[random.Next(seen.Count)] : model;
            int script = random.Next();
            WorkflowCommit? commit = await CommitRecorder.TryMakeAsync(
                loaded,
                workflow => Change(new Random(script), workflow),
                random.Next(2) == 0,
                options
            );
            if (commit is null)
            {
                continue;
            }

            string node = $"node{random.Next(3)}";
            CommitMessage message = new(commit, node, ++number);
            RedisValue[] arguments = message.Arguments();
            arguments[0] = message.Header((long)await RedisHarness.Database.ScriptEvaluateAsync(RedisScript.Time.Text) + 50_000);
            RedisResult[] answer = (RedisResult[])
                (await RedisHarness.Database.ScriptEvaluateAsync(RedisScript.Commit.Text, [key, layout.Index], arguments))!;
            long now = (long)answer[1];
            CommitResult result = commit.Apply(model, DateTimeOffset.FromUnixTimeMilliseconds(now), out WorkflowRecord? next);
            Answer outcome = (Answer)(int)answer[0];
            outcomes[outcome] = outcomes.GetValueOrDefault(outcome) + 1;
            string at = $"{where}, commit {i}";

            Answer expected = result switch
            {
                { Outcome: CommitOutcome.Changed } => Answer.Changed,
                { Outcome: CommitOutcome.Ended } => Answer.Ended,
                { Generation: null } => Answer.Removed,
                _ => Answer.Stored,
            };
            Assert.That(outcome, Is.EqualTo(expected), at);
            bool begins = model is null || model.Generation != next?.Generation;
            if (outcome == Answer.Stored)
            {
                Assert.That((long)answer[4], Is.EqualTo(result.Generation), at);
                Assert.That((long)answer[2], Is.EqualTo(result.Version), at);
                next = WithExpiryOfScript(commit, model, next!, begins, now);
                Assert.That((long)answer[3], Is.EqualTo(next.ExpiresAt!.Value.ToUnixTimeMilliseconds() - now), at);
            }

            string mark = outcome switch
            {
                Answer.Stored => "",
                Answer.Removed => "r",
                Answer.Changed => "c",
                _ => "e",
            };
            bool ended = model is not null && (next is null || begins);
            nodes =
            [
                .. nodes
                    .Where(other => other.Node != node)
                    .Select(other => ended && other.Mark.Length == 0 ? (other.Node, other.Number, "o") : other),
                (node, number, mark),
            ];
            await AssertStoredAsync(key, next, nodes, at);
            model = next;
            seen.Add(model);
        }
    }

    /// <summary>The script renews when a tenth of the lifetime is over; the code renews with every commit.</summary>
    private static WorkflowRecord WithExpiryOfScript(
        WorkflowCommit commit,
        WorkflowRecord? stored,
        WorkflowRecord next,
        bool begins,
        long now
    )
    {
        DateTimeOffset time = DateTimeOffset.FromUnixTimeMilliseconds(now);
        TimeSpan lifetime = next.ExpiresAt!.Value - time;
        TimeSpan left = begins ? TimeSpan.Zero : stored!.ExpiresAt!.Value - time;
        bool renews = begins || commit.Clears || left < 0.9 * lifetime || left > lifetime;
        return renews
            ? next
            : new WorkflowRecord(next.Entries, next.Generation, next.Version, next.LastModified, next.Deadline, stored!.ExpiresAt);
    }

    private static async Task AssertStoredAsync(
        RedisKey key,
        WorkflowRecord? model,
        (string Node, long Number, string Mark)[] nodes,
        string at
    )
    {
        Dictionary<string, byte[]> stored = (await RedisHarness.Database.HashGetAllAsync(key)).ToDictionary(
            field => (string)field.Name!,
            field => (byte[])field.Value!
        );
        string metadata = Utf8.GetString(stored["#"]);
        string tail = string.Concat(
            nodes.Select(node => string.Create(CultureInfo.InvariantCulture, $" {node.Node}:{node.Number}{node.Mark}"))
        );
        if (model is null)
        {
            Assert.That(stored.Keys, Is.EqualTo(new[] { "#" }), at);
            Assert.That(metadata, Does.StartWith("e ").And.EndsWith($" 0 0{tail}"), at);
            return;
        }

        string expected = string.Create(
            CultureInfo.InvariantCulture,
            $"a {model.Generation} {model.Version} {model.LastModified.ToUnixTimeMilliseconds()} {model.ExpiresAt!.Value.ToUnixTimeMilliseconds()} {model.Deadline?.ToUnixTimeMilliseconds() ?? 0}{tail}"
        );
        Assert.That(metadata, Is.EqualTo(expected), at);
        Assert.That(stored.Keys, Is.EquivalentTo(model.Entries.Keys.Select(entry => $".{entry}").Append("#")), at);
        foreach ((string entry, ReadOnlyMemory<byte> value) in model.Entries)
        {
            Assert.That(stored[$".{entry}"], Is.EqualTo(value.ToArray()), at);
        }
    }

    private static void Change(Random random, WorkflowSession workflow)
    {
        for (int i = random.Next(1, 5); i > 0; i--)
        {
            string key = Keys[random.Next(Keys.Length - 1)];
            switch (random.Next(10))
            {
                case 0 when random.Next(2) == 0:
                    workflow.End();
                    break;
                case 1:
                    workflow.Clear();
                    break;
                case 2 or 3 or 4:
                    workflow.Delete(key);
                    break;
                default:
                    workflow.Set(key, random.Next());
                    break;
            }
        }
    }
}
