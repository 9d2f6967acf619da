using System.Globalization;
using StackExchange.Redis;

namespace WorkflowSessions.Redis.Tests;

/// <summary>Copies of commits that arrive late, twice or after an end. A test sends the message itself, as a network would deliver it.</summary>
[Parallelizable(ParallelScope.Children)]
public sealed class LateMessageTests
{
    [Test]
    public async Task Copy_of_the_commit_that_began_a_workflow_does_not_bring_it_back_after_its_end()
    {
        await using Wire wire = new();
        RedisValue[] begins = await Wire.MessageAsync("node1", 1, Sets("x", 1));
        long generation = Generation(await wire.DeliverAsync(begins));
        await wire.DeliverAsync(await Wire.MessageAsync("node2", 1, End(generation)));
        Assert.That(Outcome(await wire.DeliverAsync(begins)), Is.EqualTo(Answer.Stored));
        Assert.That((await wire.LoadAsync()).LastModified, Is.Null);
    }

    [Test]
    public async Task Copy_of_the_commit_that_began_a_workflow_does_not_bring_it_back_after_the_end_of_the_session()
    {
        await using Wire wire = new();
        RedisValue[] begins = await Wire.MessageAsync("node1", 1, Sets("x", 1));
        await wire.DeliverAsync(begins);
        await wire.Harness.Open("alice").EndAsync();
        RedisResult[] copy = await wire.DeliverAsync(begins);
        Assert.That(Outcome(copy), Is.EqualTo(Answer.Stored));
        Assert.That(Generation(copy), Is.Zero, "the generation is over");
        Assert.That((await wire.LoadAsync()).LastModified, Is.Null);
    }

    [Test]
    public async Task Stored_end_is_answered_as_stored_also_when_others_have_begun_the_workflow_anew()
    {
        await using Wire wire = new();
        long generation = Generation(await wire.DeliverAsync(await Wire.MessageAsync("node1", 1, Sets("x", 1))));
        RedisValue[] ends = await Wire.MessageAsync("node1", 2, End(generation, update: true));
        Assert.That(Outcome(await wire.DeliverAsync(ends)), Is.EqualTo(Answer.Removed));
        Assert.That(Outcome(await wire.DeliverAsync(ends)), Is.EqualTo(Answer.Removed));
        await wire.DeliverAsync(await Wire.MessageAsync("node2", 1, Sets("y", 2)));
        Assert.That(Outcome(await wire.DeliverAsync(ends)), Is.EqualTo(Answer.Removed));
        Assert.That((await wire.LoadAsync()).Get<int>("y"), Is.EqualTo(2));
    }

    [Test]
    public async Task Copy_of_a_refused_update_is_refused_also_after_the_session_ended()
    {
        await using Wire wire = new();
        await wire.DeliverAsync(await Wire.MessageAsync("node1", 1, Sets("x", 1)));
        RedisValue[] update = await Wire.MessageAsync("node2", 1, Sets("n", 1, update: true));
        Assert.That(Outcome(await wire.DeliverAsync(update)), Is.EqualTo(Answer.Changed));
        await wire.Harness.Open("alice").EndAsync();
        Assert.That(Outcome(await wire.DeliverAsync(update)), Is.EqualTo(Answer.Changed));
        Assert.That((await wire.LoadAsync()).LastModified, Is.Null);
    }

    [Test]
    public async Task Commit_that_was_refused_on_an_absent_workflow_is_refused_for_good()
    {
        await using Wire wire = new();
        RedisValue[] refused = await Wire.MessageAsync("node1", 1, Sets("x", 1, generation: 7));
        Assert.That(Outcome(await wire.DeliverAsync(refused)), Is.EqualTo(Answer.Ended));
        await wire.DeliverAsync(await Wire.MessageAsync("node2", 1, Sets("y", 2)));
        Assert.That(Outcome(await wire.DeliverAsync(refused)), Is.EqualTo(Answer.Ended));
        Assert.That((await wire.LoadAsync()).Has("x"), Is.False);
    }

    [Test]
    public async Task Copy_of_clear_and_set_on_an_absent_workflow_deletes_nothing_of_others()
    {
        await using Wire wire = new();
        RedisValue[] clears = await Wire.MessageAsync("node1", 1, Sets("x", 1, clears: true));
        await wire.DeliverAsync(clears);
        await wire.DeliverAsync(await Wire.MessageAsync("node2", 1, Sets("y", 2)));
        await wire.DeliverAsync(clears);
        Assert.That((await wire.LoadAsync()).Get<int>("y"), Is.EqualTo(2));
    }

    [Test]
    public async Task Earlier_commit_of_a_node_that_arrives_after_a_later_one_is_not_applied()
    {
        await using Wire wire = new();
        await wire.DeliverAsync(await Wire.MessageAsync("node1", 2, Sets("x", 2)));
        Assert.That(Outcome(await wire.DeliverAsync(await Wire.MessageAsync("node1", 1, Sets("x", 1)))), Is.EqualTo(Answer.Superseded));
        Assert.That((await wire.LoadAsync()).Get<int>("x"), Is.EqualTo(2));
    }

    [TestCase(-1)]
    [TestCase(60_500)]
    public async Task Message_outside_of_its_time_is_not_executed(int validFor)
    {
        await using Wire wire = new();
        RedisResult[] answer = await wire.DeliverAsync(await Wire.MessageAsync("node1", 1, Sets("x", 1), validFor));
        Assert.That(Outcome(answer), Is.EqualTo(Answer.Late));
        Assert.That(wire.Harness.Keys(), Is.Empty);
    }

    [TestCase(-1)]
    [TestCase(60_500)]
    public async Task Message_outside_of_its_time_is_not_executed_where_it_finds_what_was_loaded(int validFor)
    {
        await using Wire wire = new();
        long generation = Generation(await wire.DeliverAsync(await Wire.MessageAsync("node1", 1, Sets("x", 1))));
        WorkflowMetadata loaded = await wire.MetadataAsync();
        RedisResult[] answer = await wire.DeliverAsync(await Wire.MessageAsync("node1", 2, Sets("x", 2, generation), validFor, loaded));
        Assert.That(Outcome(answer), Is.EqualTo(Answer.Late));
        Assert.That((await wire.LoadAsync()).Get<int>("x"), Is.EqualTo(1));
    }

    [Test]
    public async Task Copy_of_a_commit_that_found_what_was_loaded_is_not_applied_again()
    {
        await using Wire wire = new();
        long generation = Generation(await wire.DeliverAsync(await Wire.MessageAsync("node1", 1, Sets("x", 1))));
        WorkflowMetadata loaded = await wire.MetadataAsync();
        RedisValue[] commit = await Wire.MessageAsync("node1", 2, Sets("x", 2, generation), loaded: loaded);
        Assert.That(Outcome(await wire.DeliverAsync(commit)), Is.EqualTo(Answer.AsExpected));
        await wire.DeliverAsync(await Wire.MessageAsync("node2", 1, Sets("x", 3, generation)));
        Assert.That(Outcome(await wire.DeliverAsync(commit)), Is.EqualTo(Answer.Stored));
        Assert.That((await wire.LoadAsync()).Get<int>("x"), Is.EqualTo(3));
    }

    [Test]
    public async Task Commit_that_does_not_find_what_was_loaded_merges()
    {
        await using Wire wire = new();
        long generation = Generation(await wire.DeliverAsync(await Wire.MessageAsync("node1", 1, Sets("x", 1))));
        WorkflowMetadata loaded = await wire.MetadataAsync();
        await wire.DeliverAsync(await Wire.MessageAsync("node2", 1, Sets("y", 2, generation)));
        RedisResult[] merged = await wire.DeliverAsync(await Wire.MessageAsync("node1", 2, Sets("z", 3, generation), loaded: loaded));
        Assert.That(Outcome(merged), Is.EqualTo(Answer.Stored));
        WorkflowSession now = await wire.LoadAsync();
        Assert.That(
            now.GetAll(),
            Is.EquivalentTo(
                new Dictionary<string, object?>
                {
                    ["x"] = 1,
                    ["y"] = 2,
                    ["z"] = 3,
                }
            )
        );
    }

    [Test]
    public async Task Commit_that_found_what_was_loaded_renews_when_a_tenth_of_the_idle_timeout_is_over()
    {
        await using Wire wire = new();
        long generation = Generation(await wire.DeliverAsync(await Wire.MessageAsync("node1", 1, Sets("x", 1))));
        await wire.Harness.PassAsync(TimeSpan.FromMinutes(3));
        WorkflowMetadata loaded = await wire.MetadataAsync();
        await wire.DeliverAsync(await Wire.MessageAsync("node1", 2, Sets("x", 2, generation), loaded: loaded));
        Assert.That(await RedisHarness.Database.KeyTimeToLiveAsync(wire.Harness.Key("checkout")), Is.GreaterThan(TimeSpan.FromMinutes(19)));
    }

    [Test]
    public async Task Commit_whose_workflow_expired_before_the_copy_arrives_is_not_applied_again()
    {
        await using Wire wire = new();
        RedisValue[] begins = await Wire.MessageAsync("node1", 1, Sets("x", 1, idle: TimeSpan.FromMilliseconds(20)));
        await wire.DeliverAsync(begins);
        using CancellationTokenSource limit = new(TimeSpan.FromMinutes(1));
        // The list renews nothing.
        while ((await wire.Harness.Open("alice").ListAsync(limit.Token)).Count > 0)
        {
            await Task.Delay(5, limit.Token);
        }

        RedisResult[] copy = await wire.DeliverAsync(begins);
        Assert.That(Outcome(copy), Is.EqualTo(Answer.Stored));
        Assert.That(Generation(copy), Is.Zero);
        Assert.That((await wire.LoadAsync()).LastModified, Is.Null);
    }

    [Test]
    public async Task Commit_renews_also_when_the_renewals_of_loads_were_lost()
    {
        await using Wire wire = new();
        long generation = Generation(await wire.DeliverAsync(await Wire.MessageAsync("node1", 1, Sets("x", 1))));
        await wire.Harness.PassAsync(TimeSpan.FromMinutes(18));
        await wire.DeliverAsync(await Wire.MessageAsync("node1", 2, Sets("x", 2, generation)));
        Assert.That(await RedisHarness.Database.KeyTimeToLiveAsync(wire.Harness.Key("checkout")), Is.GreaterThan(TimeSpan.FromMinutes(19)));
    }

    [TestCase(-119_000, true)]
    [TestCase(-120_001, false)]
    public async Task Record_of_a_node_stays_for_two_minutes_after_its_last_message_was_valid(int valid, bool stays)
    {
        await using Wire wire = new();
        RedisKey key = wire.Layout.Key("checkout");
        await wire.DeliverAsync(await Wire.MessageAsync("early", 1, Sets("x", 1)));
        string record = (await RedisHarness.Database.HashGetAsync(key, "@early"))!;
        string[] parts = record.Split(' ');
        parts[3] = (await Wire.TimeAsync() + valid).ToString(CultureInfo.InvariantCulture);
        await RedisHarness.Database.HashSetAsync(key, "@early", string.Join(' ', parts));
        await wire.DeliverAsync(await Wire.MessageAsync("last", 1, Sets("x", 2)));
        Assert.That(await RedisHarness.Database.HashExistsAsync(key, "@early"), Is.EqualTo(stays));
        Assert.That(await RedisHarness.Database.HashExistsAsync(key, "@last"), Is.True);
    }

    [Test]
    public async Task Late_end_of_a_session_ends_nothing_that_began_afterwards()
    {
        await using Wire wire = new();
        long first = Generation(await wire.DeliverAsync(await Wire.MessageAsync("node1", 1, Sets("x", 1))));
        RedisValue[] end = [await Wire.TimeAsync() + 50_000, first];
        await Wire.RunAsync(RedisScript.End, [wire.Layout.Index, wire.Layout.Key("checkout")], end);
        await wire.DeliverAsync(await Wire.MessageAsync("node1", 2, Sets("y", 2)));
        await Wire.RunAsync(RedisScript.End, [wire.Layout.Index, wire.Layout.Key("checkout")], end);
        Assert.That((await wire.LoadAsync()).Get<int>("y"), Is.EqualTo(2));
        end[0] = await Wire.TimeAsync() - 1;
        RedisResult[] late = await Wire.RunAsync(RedisScript.End, [wire.Layout.Index, wire.Layout.Key("checkout")], end);
        Assert.That(Outcome(late), Is.EqualTo(Answer.Late));
    }

    [Test]
    public async Task Session_ends_also_when_its_index_has_members_that_are_no_text_or_a_damaged_workflow()
    {
        await using Wire wire = new();
        await wire.DeliverAsync(await Wire.MessageAsync("node1", 1, Sets("x", 1)));
        RedisKey index = wire.Layout.Index;
        await RedisHarness.Database.SortedSetAddAsync(index, new byte[] { 0xFF, 0xFE }, 1);
        await RedisHarness.Database.SortedSetAddAsync(index, "damaged", 1);
        await RedisHarness.Database.SortedSetAddAsync(index, "foreign", 1);
        await RedisHarness.Database.HashSetAsync(wire.Layout.Key("damaged"), "#", "nonsense");
        await RedisHarness.Database.StringSetAsync(wire.Layout.Key("foreign"), "x");
        await wire.Harness.Open("alice").EndAsync();
        Assert.That(await RedisHarness.Database.KeyExistsAsync(index), Is.False);
        Assert.That(wire.Harness.Keys(), Is.EqualTo(new[] { wire.Layout.Key("checkout") }));
        Assert.That((await wire.LoadAsync()).LastModified, Is.Null);
    }

    // A failover to a replica that lags, or a restored backup, has the same effect.
    [Test]
    public async Task Update_runs_again_when_its_version_was_lost_and_made_anew_by_others()
    {
        await using Wire wire = new();
        RedisKey key = wire.Layout.Key("checkout");
        WorkflowSession first = await wire.LoadAsync();
        first.Set("n", 0);
        await first.CommitAsync();
        byte[] backup = (await RedisHarness.Database.KeyDumpAsync(key))!;
        first.Set("note", "lost");
        await first.CommitAsync();

        int runs = 0;
        WorkflowSession late = await wire.LoadAsync();
        ValueTask update = late.UpdateAsync(async workflow =>
        {
            if (++runs == 1)
            {
                await RedisHarness.Database.KeyDeleteAsync(key);
                await RedisHarness.Database.KeyRestoreAsync(key, backup, TimeSpan.FromMinutes(20));
                wire.Harness.Clock.Advance(TimeSpan.FromMilliseconds(1));
                await (await wire.LoadAsync()).UpdateAsync(other => other.Set("n", other.Get<int>("n") + 1));
            }

            workflow.Set("n", workflow.Get<int>("n") + 1);
        });
        await wire.Harness.WithRunningClockAsync(update);
        Assert.That((await wire.LoadAsync()).Get<int>("n"), Is.EqualTo(2), "both were acknowledged");
        Assert.That(runs, Is.EqualTo(2));
    }

    [Test]
    public async Task Records_of_old_nodes_are_forgotten_when_there_are_many()
    {
        await using Wire wire = new();
        await wire.DeliverAsync(await Wire.MessageAsync("node1", 1, Sets("x", 1)));
        RedisKey key = wire.Layout.Key("checkout");
        for (int i = 0; i < 30; i++)
        {
            await RedisHarness.Database.HashSetAsync(key, $"@old{i}", "1 1 0 1000");
        }

        WorkflowSession workflow = await wire.LoadAsync();
        workflow.Set("x", 2);
        await workflow.CommitAsync();
        RedisValue[] fields = await RedisHarness.Database.HashKeysAsync(key);
        Assert.That(fields.Count(field => ((string)field!).StartsWith('@')), Is.EqualTo(2), "that of node1, and that of this node");
        Assert.That((await wire.LoadAsync()).Get<int>("x"), Is.EqualTo(2));
    }

    [TestCase(1)]
    [TestCase(9_000)]
    public async Task Commit_of_a_node_whose_clock_is_off_by_centuries_can_be_read(int year)
    {
        await using RedisHarness harness = new();
        Microsoft.Extensions.Time.Testing.FakeTimeProvider clock = new(new DateTimeOffset(year, 1, 1, 0, 0, 0, TimeSpan.Zero));
        using RedisSessionStoreFactory off = new(
            RedisHarness.Database.Multiplexer,
            new RedisSessionStoreOptions { KeyPrefix = harness.Prefix, TimeProvider = clock }
        );
        WorkflowSession workflow = new(off.Open("alice"), "checkout");
        await workflow.LoadAsync();
        workflow.Set("x", 1);
        await workflow.CommitAsync();
        workflow.Set("x", 2);
        await workflow.CommitAsync();
        WorkflowSession read = new(harness.Open("alice"), "checkout");
        await read.LoadAsync();
        Assert.That(read.Get<int>("x"), Is.EqualTo(2));
    }

    [TestCase("")]
    [TestCase("nonsense")]
    public async Task Commit_to_a_workflow_whose_metadata_are_damaged_is_refused_and_changes_nothing(string damage)
    {
        await using Wire wire = new();
        await wire.DeliverAsync(await Wire.MessageAsync("node1", 1, Sets("x", 1)));
        RedisKey key = wire.Layout.Key("checkout");
        await RedisHarness.Database.HashSetAsync(key, "#", damage);
        byte[]? before = await RedisHarness.Database.KeyDumpAsync(key);
        WorkflowSession begun = new(Fresh(wire), "checkout");
        await begun.LoadAsync();
        begun.Set("x", 2);
        SessionStoreException? error = await Assert.ThrowsAsync<SessionStoreException>(async () => await begun.CommitAsync());
        Assert.That(error!.MayBeStored, Is.False);
        Assert.That(await RedisHarness.Database.KeyDumpAsync(key), Is.EqualTo(before));
    }

    [TestCase("b")]
    [TestCase("z")]
    public async Task State_of_a_newer_version_is_left_as_it_is_by_everybody(string state)
    {
        await using Wire wire = new();
        await wire.DeliverAsync(await Wire.MessageAsync("node1", 1, Sets("x", 1)));
        RedisKey key = wire.Layout.Key("checkout");
        string metadata = (await RedisHarness.Database.HashGetAsync(key, "#"))!;
        await RedisHarness.Database.HashSetAsync(key, "#", state + metadata[1..]);
        byte[]? before = await RedisHarness.Database.KeyDumpAsync(key);
        Assert.That(
            async () => await wire.LoadAsync(),
            Throws.InstanceOf<SessionStoreException>().With.Message.Contains("Update all nodes")
        );
        WorkflowSession begun = new(Fresh(wire), "checkout");
        await begun.LoadAsync();
        begun.Set("x", 2);
        Assert.That(
            async () => await begun.CommitAsync(),
            Throws.InstanceOf<SessionStoreException>().With.Message.Contains("Update all nodes")
        );
        Assert.That(
            async () => await wire.Harness.Open("alice").EndAsync(),
            Throws.InstanceOf<SessionStoreException>().With.Message.Contains("Update all nodes")
        );
        Assert.That(await RedisHarness.Database.KeyDumpAsync(key), Is.EqualTo(before));
    }

    [Test]
    public async Task Commits_of_one_workflow_on_one_node_wait_for_each_other_and_all_succeed()
    {
        await using Wire wire = new();
        await Task.WhenAll(
            Enumerable
                .Range(0, 150)
                .Select(async i =>
                {
                    WorkflowSession workflow = new(wire.Harness.Open("alice"), "checkout");
                    await workflow.LoadAsync();
                    workflow.Set($"key{i}", i);
                    await workflow.CommitAsync();
                })
        );
        Assert.That((await wire.LoadAsync()).Count, Is.EqualTo(150));
    }

    private static Answer Outcome(RedisResult[] answer) => ScriptAnswer.Outcome(answer);

    private static long Generation(RedisResult[] answer) => (long)answer[3];

    private static Task<WorkflowCommit?> Sets(
        string key,
        int value,
        long? generation = null,
        bool update = false,
        bool clears = false,
        TimeSpan? idle = null
    ) =>
        CommitRecorder.TryMakeAsync(
            generation is { } loaded ? CommitRecorder.Loaded(loaded) : null,
            workflow =>
            {
                if (clears)
                {
                    workflow.Clear();
                }

                workflow.Set(key, value);
            },
            update,
            new BufferedSessionStoreOptions { IdleTimeout = idle ?? TimeSpan.FromMinutes(20) }
        );

    private static Task<WorkflowCommit?> End(long generation, bool update = false) =>
        CommitRecorder.TryMakeAsync(CommitRecorder.Loaded(generation), workflow => workflow.End(), update);

    /// <summary>A session that loads nothing before its first commit.</summary>
    private static BufferedSessionStore Fresh(Wire wire)
    {
        BufferedSessionStore session = (BufferedSessionStore)wire.Harness.Open("alice");
        session.BeginOnFirstCommit(_ => ValueTask.CompletedTask);
        return session;
    }

    /// <summary>Makes messages of several nodes, and delivers each as often as a test likes.</summary>
    private sealed class Wire : IAsyncDisposable
    {
        public RedisHarness Harness { get; } = new();

        public WorkflowLayout Layout => field ??= WorkflowLayout.Of(Harness.Prefix, "K9gGyX8OAK8aH8Myj6djqQ");

        public static async Task<long> TimeAsync() => ScriptAnswer.Time(await RunAsync(RedisScript.Time, [], []));

        public static async Task<RedisValue[]> MessageAsync(
            string node,
            long number,
            Task<WorkflowCommit?> commit,
            int validFor = 50_000,
            WorkflowMetadata? loaded = null
        )
        {
            CommitMessage message = new((await commit)!, node, number, loaded);
            return message.Arguments(await TimeAsync() + validFor);
        }

        public Task<RedisResult[]> DeliverAsync(RedisValue[] message) =>
            RunAsync(RedisScript.Commit, [Layout.Key("checkout"), Layout.Index], message);

        public static async Task<RedisResult[]> RunAsync(RedisScript script, RedisKey[] keys, RedisValue[] arguments) =>
            (RedisResult[])(await RedisHarness.Database.ScriptEvaluateAsync(script.Text, keys, arguments))!;

        public async Task<WorkflowMetadata> MetadataAsync() =>
            WorkflowMetadata.Parse((byte[])(await RedisHarness.Database.HashGetAsync(Layout.Key("checkout"), "#"))!);

        public async Task<WorkflowSession> LoadAsync()
        {
            WorkflowSession workflow = new(Harness.Open("alice"), "checkout");
            await workflow.LoadAsync();
            return workflow;
        }

        public ValueTask DisposeAsync() => Harness.DisposeAsync();
    }
}
