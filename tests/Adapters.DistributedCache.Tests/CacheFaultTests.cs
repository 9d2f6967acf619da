using Microsoft.Extensions.Caching.Distributed;

namespace WorkflowSessions.DistributedCache.Tests;

/// <summary>Caches that throw, hang, forget, or give what is not ours.</summary>
public sealed class CacheFaultTests
{
    private CacheOfTest _cache = null!;

    [Test]
    public async Task Load_that_fails_is_an_error_and_not_an_empty_workflow()
    {
        await using CacheHarness harness = await StoredAsync();
        _cache.Before = _ => Task.FromException(new IOException("down"));
        WorkflowSession workflow = new(harness.Open("alice"), "checkout");
        SessionStoreException? error = await Assert.ThrowsAsync<SessionStoreException>(async () => await workflow.LoadAsync());
        Assert.That(error!.MayBeStored, Is.False);
        Assert.That(error.InnerException, Is.InstanceOf<IOException>());
        Assert.That(error.Message, Does.Contain("'checkout'").And.Not.Contain("alice"));
        Assert.That(workflow.IsLoaded, Is.False);
    }

    [TestCase("get", false)]
    [TestCase("set", true)]
    public async Task Commit_that_fails_says_whether_it_may_be_stored(string call, bool mayBeStored)
    {
        await using CacheHarness harness = await StoredAsync();
        WorkflowSession workflow = await OpenAsync(harness);
        workflow.Set("x", 2);
        _cache.Before = made => made == call ? Task.FromException(new IOException("down")) : Task.CompletedTask;
        SessionStoreException? error = await Assert.ThrowsAsync<SessionStoreException>(async () => await workflow.CommitAsync());
        Assert.That(error!.MayBeStored, Is.EqualTo(mayBeStored));
        Assert.That(workflow.HasChanges, Is.True);
        _cache.Before = _ => Task.CompletedTask;
        Assert.That((await OpenAsync(harness)).Get<int>("x"), Is.EqualTo(1));
        await workflow.CommitAsync();
        Assert.That((await OpenAsync(harness)).Get<int>("x"), Is.EqualTo(2));
    }

    [Test]
    public async Task Answer_that_is_lost_leaves_a_commit_that_may_be_stored()
    {
        await using CacheHarness harness = await StoredAsync();
        WorkflowSession workflow = await OpenAsync(harness);
        workflow.Set("x", 2);
        _cache.AfterWrite = () => Task.FromException(new IOException("lost"));
        SessionStoreException? error = await Assert.ThrowsAsync<SessionStoreException>(async () => await workflow.CommitAsync());
        Assert.That(error!.MayBeStored, Is.True);
        Assert.That((await OpenAsync(harness)).Get<int>("x"), Is.EqualTo(2));
    }

    [Test]
    public async Task Cache_that_hangs_is_waited_for_no_longer_than_the_options_say_and_holds_nobody_up_after_that()
    {
        TaskCompletionSource never = new();
        TimeSpan timeout = TimeSpan.FromMilliseconds(200);
        await using CacheHarness harness = await StoredAsync(options => options.CommandTimeout = timeout);
        WorkflowSession workflow = await OpenAsync(harness);
        workflow.Set("x", 2);
        _cache.Before = call => call == "set" ? never.Task : Task.CompletedTask;
        // The cache in memory answers at once, so that only the call that hangs waits for the clock.
        Task commit = workflow.CommitAsync().AsTask();
        harness.Clock.Advance(timeout);
        SessionStoreException? error = await Assert.ThrowsAsync<SessionStoreException>(() => commit);
        Assert.That(error!.MayBeStored, Is.True);
        Assert.That(error.InnerException, Is.InstanceOf<TimeoutException>());
        _cache.Before = _ => Task.CompletedTask;
        await workflow.CommitAsync();
        _cache.Before = call => call == "get" ? never.Task : Task.CompletedTask;
        Task opening = OpenAsync(harness);
        harness.Clock.Advance(timeout);
        Assert.That(() => opening, Throws.InstanceOf<SessionStoreException>().With.Property("MayBeStored").False);
        // With more time, so that it is certainly the cancellation that ends the wait.
        await using CacheHarness patient = await StoredAsync();
        _cache.Before = call => call == "get" ? never.Task : Task.CompletedTask;
        using CancellationTokenSource source = new();
        Task load = new WorkflowSession(patient.Open("alice"), "checkout").LoadAsync(source.Token).AsTask();
        await source.CancelAsync();
        Assert.That(async () => await load, Throws.InstanceOf<OperationCanceledException>());
    }

    [Test]
    public async Task Entry_that_is_forgotten_between_load_and_commit_is_a_workflow_that_has_ended()
    {
        await using CacheHarness harness = await StoredAsync();
        WorkflowSession workflow = await OpenAsync(harness);
        workflow.Set("y", 2);
        _cache.Give = _ => null;
        WorkflowConflictException? conflict = await Assert.ThrowsAsync<WorkflowConflictException>(async () => await workflow.CommitAsync());
        Assert.That(conflict!.Reason, Is.EqualTo(WorkflowConflictReason.Ended));
    }

    [Test]
    public async Task Cache_that_evicts_at_random_gives_no_half_workflows_and_no_foreign_data()
    {
        Random random = new(4711);
        await using CacheHarness harness = await StoredAsync();
        Lock sync = new();
        _cache.Give = bytes =>
        {
            lock (sync)
            {
                return random.Next(5) == 0 ? null : bytes;
            }
        };
        int ended = 0;
        for (int i = 0; i < 500; i++)
        {
            WorkflowSession workflow = await OpenAsync(harness, i % 2 == 0 ? "a" : "b");
            // Both entries are always written together.
            Assert.That(workflow.Get("left", -1), Is.EqualTo(workflow.Get("right", -1)));
            Assert.That(workflow.Get("owner", workflow.Id), Is.EqualTo(workflow.Id));
            workflow.Set("left", i);
            workflow.Set("right", i);
            workflow.Set("owner", workflow.Id);
            try
            {
                await workflow.CommitAsync();
            }
            catch (WorkflowConflictException)
            {
                ended++;
            }
        }

        Assert.That(ended, Is.Positive);
    }

    [Test]
    public async Task Every_truncation_and_every_flipped_bit_is_a_typed_error_or_the_value_of_one_key()
    {
        await using CacheHarness harness = await StoredAsync();
        WorkflowSession workflow = await OpenAsync(harness);
        workflow.Set("name", "Ada");
        await workflow.CommitAsync();
        byte[] stored = (await harness.Cache.GetAsync(harness.Key("checkout")))!;
        int errors = 0;
        for (int length = 0; length < stored.Length; length++)
        {
            _cache.Give = _ => stored[..length];
            Assert.That(async () => await OpenAsync(harness), Throws.InstanceOf<SessionStoreException>(), $"cut after {length}");
        }

        for (int bit = 0; bit < 8 * stored.Length; bit++)
        {
            byte[] flipped = [.. stored];
            flipped[bit / 8] ^= (byte)(1 << (bit % 8));
            _cache.Give = _ => flipped;
            try
            {
                WorkflowSession read = await OpenAsync(harness);
                // A passed deadline is a workflow that has expired; otherwise two entries are there, under whatever keys.
                Assert.That(read.LastModified is null || read.Count == 2, Is.True, $"bit {bit}");
                _ = read.GetAll();
            }
            catch (WorkflowSessionException)
            {
                errors++;
            }
        }

        Assert.That(errors, Is.GreaterThan(20));
    }

    [TestCase("00", "not a workflow")]
    [TestCase("7b2261223a317d", "newer release")]
    [TestCase("02", "newer release")]
    [TestCase("ff00", "newer release")]
    public async Task What_others_or_newer_releases_stored_is_told_and_left_as_it_is(string hex, string message)
    {
        await using CacheHarness harness = await StoredAsync();
        byte[] foreign = Convert.FromHexString(hex);
        WorkflowSession loaded = await OpenAsync(harness);
        await harness.Cache.SetAsync(harness.Key("checkout"), foreign, new DistributedCacheEntryOptions());
        SessionStoreException? error = await Assert.ThrowsAsync<SessionStoreException>(async () => await OpenAsync(harness));
        Assert.That(error!.Message, Does.Contain(message).And.Contain("'checkout'"));
        loaded.Set("y", 1);
        Assert.That(async () => await loaded.CommitAsync(), Throws.InstanceOf<SessionStoreException>());
        Assert.That(await harness.Cache.GetAsync(harness.Key("checkout")), Is.EqualTo(foreign));
    }

    private static async Task<WorkflowSession> OpenAsync(CacheHarness harness, string workflowId = "checkout")
    {
        WorkflowSession workflow = new(harness.Open("alice"), workflowId);
        await workflow.LoadAsync();
        return workflow;
    }

    private async Task<CacheHarness> StoredAsync(Action<DistributedCacheSessionStoreOptions>? configure = null)
    {
        CacheHarness harness = new(inner => _cache = new CacheOfTest(inner), configure);
        WorkflowSession workflow = await OpenAsync(harness);
        workflow.Set("x", 1);
        await workflow.CommitAsync();
        return harness;
    }
}
