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
    private const int Workflows = 60;
    private const int Commits = 50;
    private const int ValidFor = 50_000;
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
        Assert.That(
            outcomes.Keys,
            Is.EquivalentTo(
                new[]
                {
                    Answer.AsExpected,
                    Answer.Stored,
                    Answer.Removed,
                    Answer.Changed,
                    Answer.Ended,
                    Answer.TooManyEntries,
                    Answer.Completed,
                    Answer.Completing,
                }
            )
        );
    }

    private static async Task RunAsync(Random random, Dictionary<Answer, int> outcomes, string where)
    {
        await using RedisHarness harness = new();
        WorkflowLayout layout = WorkflowLayout.Of(harness.Prefix, "lockstep");
        RedisKey key = layout.Key("checkout");
        // All that requests may have loaded, an absent workflow among it.
        List<(WorkflowRecord? Record, WorkflowMetadata? Metadata)> seen = [(null, null)];
        WorkflowRecord? model = null;
        // The finish or the release of claims, which come in any order, or never.
        List<WorkflowCommit> pending = [];
        long number = 0;
        Dictionary<string, string> records = [];
        for (int i = 0; i < Commits; i++)
        {
            BufferedSessionStoreOptions options = new()
            {
                IdleTimeout = random.Next(4) == 0 ? null : TimeSpan.FromMinutes(random.Next(1, 40)),
                AbsoluteTimeout = TimeSpan.FromMinutes(random.Next(1, 60)),
                // A commit that merges may meet more than that, and what a node with a higher limit has stored.
                MaxEntries = random.Next(2, 5),
            };
            (WorkflowRecord? loaded, WorkflowMetadata? metadata) = random.Next(3) == 0 ? seen[random.Next(seen.Count)] : seen[^1];
            // Some claims run out before the next commit.
            options.Workflow(
                "checkout",
                checkout =>
                {
                    checkout.CompletionTimeout = TimeSpan.FromMilliseconds(random.Next(2) == 0 ? 1 : random.Next(1, 3_000_000));
                    checkout.ReceiptTimeout = random.Next(2) == 0 ? null : TimeSpan.FromMinutes(random.Next(1, 90));
                }
            );
            int script = random.Next();
            WorkflowCommit? commit;
            if (pending.Count > 0 && random.Next(2) == 0)
            {
                commit = pending[random.Next(pending.Count)];
                pending.Remove(commit);
            }
            else if (loaded is { Receipt: null } && random.Next(12) == 0)
            {
                (commit, WorkflowCommit last) = await CommitRecorder.CompleteAsync(
                    loaded,
                    random.Next(2) == 0 ? null : $"receipt {script}",
                    options
                );
                pending.Add(last);
            }
            else
            {
                commit = await CommitRecorder.TryMakeAsync(
                    loaded,
                    workflow => Change(new Random(script), workflow, options.MaxEntries),
                    random.Next(2) == 0,
                    options
                );
            }

            if (commit is null)
            {
                continue;
            }

            string node = $"node{random.Next(3)}";
            // Sometimes the node has not kept what it loaded.
            CommitMessage message = new(commit, node, ++number, random.Next(4) == 0 ? null : metadata);
            long validUntil = ScriptAnswer.Time(await EvaluateAsync(RedisScript.Time, [key], [])) + ValidFor;
            RedisResult[] answer = await EvaluateAsync(RedisScript.Commit, [key, layout.Index], message.Arguments(validUntil));
            long now = ScriptAnswer.Time(answer);
            CommitResult result = commit.Apply(model, DateTimeOffset.FromUnixTimeMilliseconds(now), out WorkflowRecord? next);
            Answer outcome = ScriptAnswer.Outcome(answer);
            outcomes[outcome] = outcomes.GetValueOrDefault(outcome) + 1;
            string at = $"{where}, commit {i}";

            Answer expected = result switch
            {
                { Outcome: CommitOutcome.Changed } => Answer.Changed,
                { Outcome: CommitOutcome.Ended } => Answer.Ended,
                { Outcome: CommitOutcome.TooManyEntries } => Answer.TooManyEntries,
                { Outcome: CommitOutcome.Completed } => Answer.Completed,
                { Outcome: CommitOutcome.Completing } => Answer.Completing,
                { Generation: null } => Answer.Removed,
                _ => Answer.Stored,
            };
            Assert.That(outcome == Answer.AsExpected ? Answer.Stored : outcome, Is.EqualTo(expected), at);
            if (expected == Answer.Stored)
            {
                next = WithExpiryOfScript(model, next!, now);
            }

            CommitResult told = message.Result(answer, DateTimeOffset.FromUnixTimeMilliseconds(now), out metadata)!;
            Assert.That(told.Generation, Is.EqualTo(result.Generation), at);
            Assert.That(told.Version, Is.EqualTo(result.Version), at);
            Assert.That(told.ExpiresAt, Is.EqualTo(expected == Answer.Stored ? next!.ExpiresAt : null), at);
            records[$"@{node}"] = string.Create(
                CultureInfo.InvariantCulture,
                $"{number} {(int)expected} {result.Generation ?? 0} {validUntil}"
            );
            await AssertStoredAsync(key, next, records, metadata, at);
            model = next;
            seen.Add((model, metadata));
        }
    }

    /// <summary>The script renews when a tenth of the lifetime is over; the code renews with every commit.</summary>
    private static WorkflowRecord WithExpiryOfScript(WorkflowRecord? stored, WorkflowRecord next, long now)
    {
        bool begins = stored?.Generation != next.Generation;
        DateTimeOffset time = DateTimeOffset.FromUnixTimeMilliseconds(now);
        TimeSpan lifetime = next.ExpiresAt!.Value - time;
        TimeSpan left = begins ? TimeSpan.Zero : stored!.ExpiresAt!.Value - time;
        bool renews = begins || next.Claim is not null || next.Receipt is not null || left < 0.9 * lifetime || left > lifetime;
        return renews
            ? next
            : new WorkflowRecord(next.Entries, next.Generation, next.Version, next.LastModified, next.Deadline, stored!.ExpiresAt);
    }

    private static async Task AssertStoredAsync(
        RedisKey key,
        WorkflowRecord? model,
        Dictionary<string, string> records,
        WorkflowMetadata? told,
        string at
    )
    {
        Dictionary<string, byte[]> stored = (await RedisHarness.Database.HashGetAllAsync(key)).ToDictionary(
            field => (string)field.Name!,
            field => (byte[])field.Value!
        );
        string metadata = Utf8.GetString(stored["#"]);
        foreach ((string field, string record) in records)
        {
            Assert.That(Utf8.GetString(stored[field]), Is.EqualTo(record), at);
        }

        IEnumerable<string> entries = model is null ? [] : model.Entries.Keys.Select(entry => $".{entry}");
        IEnumerable<string> completion = model is { Claim: null, Receipt: null } or null ? [] : ["!"];
        Assert.That(stored.Keys, Is.EquivalentTo(entries.Concat(completion).Concat(records.Keys).Append("#")), at);
        if (model is null)
        {
            Assert.That(metadata, Does.StartWith("e ").And.EndsWith(" 0 0"), at);
            return;
        }

        string expected = string.Create(
            CultureInfo.InvariantCulture,
            $"{(model.Claim is not null ? 'k' : model.Receipt is not null ? 'c' : 'a')} {model.Generation} {model.Version} {model.LastModified.ToUnixTimeMilliseconds()} {model.ExpiresAt!.Value.ToUnixTimeMilliseconds()} {model.Deadline?.ToUnixTimeMilliseconds() ?? 0}"
        );
        Assert.That(metadata, Is.EqualTo(expected), at);
        if (told is { } seen)
        {
            Assert.That(Utf8.GetString(seen.Format()), Is.EqualTo(expected), at);
        }

        if (model.Claim is { } claim)
        {
            Assert.That(
                Utf8.GetString(stored["!"]),
                Is.EqualTo(string.Create(CultureInfo.InvariantCulture, $"{claim.Id} {claim.EndsAt.ToUnixTimeMilliseconds()}")),
                at
            );
        }

        if (model.Receipt is { } receipt)
        {
            Assert.That(stored["!"], Is.EqualTo(receipt.Encoded.ToArray()), at);
        }

        foreach ((string entry, WorkflowEntry value) in model.Entries)
        {
            Assert.That(stored[$".{entry}"], Is.EqualTo(value.Encoded.ToArray()), at);
        }
    }

    private static async Task<RedisResult[]> EvaluateAsync(RedisScript script, RedisKey[] keys, RedisValue[] arguments) =>
        (RedisResult[])(await RedisHarness.Database.ScriptEvaluateAsync(script.Text, keys, arguments))!;

    private static void Change(Random random, WorkflowSession workflow, int maxEntries)
    {
        for (int i = random.Next(1, 5); i > 0; i--)
        {
            string key = Keys[random.Next(Keys.Length - 1)];
            switch (random.Next(10))
            {
                case 0 when random.Next(2) == 0:
                    workflow.End();
                    break;
                case < 5 when workflow.IsCompleted:
                    workflow.End();
                    break;
                case 9 when random.Next(12) == 0 && !workflow.IsCompleted:
                    workflow.Complete(random.Next());
                    break;
                case var _ when workflow.IsCompleted:
                    break;
                case 1:
                    workflow.Clear();
                    break;
                case 2 or 3 or 4:
                    workflow.Delete(key);
                    break;
                case var _ when workflow.Count < maxEntries || workflow.Has(key):
                    workflow.Set(key, random.Next());
                    break;
            }
        }
    }
}
