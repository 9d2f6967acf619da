using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Time.Testing;

namespace WorkflowSessions.Tests;

/// <summary>The timeouts and the key of a completion.</summary>
public sealed class CompletionTests
{
    private readonly FakeTimeProvider _clock = new(new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero));

    [Test]
    public async Task Claim_keeps_the_workflow_until_its_own_end()
    {
        InMemorySessionStoreFactory store = Create(workflow =>
        {
            workflow.IdleTimeout = TimeSpan.FromSeconds(5);
            workflow.AbsoluteTimeout = TimeSpan.FromSeconds(10);
            workflow.CompletionTimeout = TimeSpan.FromMinutes(1);
            workflow.ReceiptTimeout = TimeSpan.FromMinutes(2);
        });
        WorkflowSession workflow = await BeginAsync(store);
        TaskCompletionSource<string> order = new(TaskCreationOptions.RunContinuationsAsynchronously);
        Task<string> completing = workflow.CompleteAsync((_, _) => order.Task).AsTask();
        _clock.Advance(TimeSpan.FromSeconds(30));
        WorkflowSession other = await OpenAsync(store);
        Assert.That(other.Get<int>("x"), Is.EqualTo(1));
        _clock.Advance(TimeSpan.FromSeconds(29));
        order.SetResult("order 1");
        Assert.That(await completing, Is.EqualTo("order 1"));
        other = await OpenAsync(store);
        Assert.That(other.GetReceipt<string>(), Is.EqualTo("order 1"));
        Assert.That(other.ExpiresAt, Is.EqualTo(_clock.GetUtcNow().AddMinutes(2)));
    }

    [Test]
    public async Task Released_claim_does_not_prolong_the_absolute_timeout()
    {
        InMemorySessionStoreFactory store = Create(workflow =>
        {
            workflow.AbsoluteTimeout = TimeSpan.FromSeconds(10);
            workflow.CompletionTimeout = TimeSpan.FromMinutes(1);
        });
        WorkflowSession workflow = await BeginAsync(store);
        InvalidOperationException declined = new("The card was declined.");
        Assert.That(
            async () =>
                await workflow.CompleteAsync<int>(
                    (_, _) =>
                    {
                        _clock.Advance(TimeSpan.FromSeconds(30));
                        throw declined;
                    }
                ),
            Throws.Exception.SameAs(declined)
        );
        Assert.That((await OpenAsync(store)).IsNew, Is.True);
    }

    [Test]
    public async Task Receipt_stays_for_its_own_time()
    {
        InMemorySessionStoreFactory store = Create(workflow => workflow.ReceiptTimeout = TimeSpan.FromDays(3));
        WorkflowSession workflow = await BeginAsync(store);
        workflow.Complete("order 1");
        await workflow.CommitAsync();
        Assert.That(workflow.ExpiresAt, Is.EqualTo(_clock.GetUtcNow().AddDays(3)));
        _clock.Advance(TimeSpan.FromDays(2));
        Assert.That((await OpenAsync(store)).GetReceipt<string>(), Is.EqualTo("order 1"));
        _clock.Advance(TimeSpan.FromDays(1));
        Assert.That((await OpenAsync(store)).IsNew, Is.True);
    }

    [Test]
    public async Task Key_is_a_hash_of_the_session_the_workflow_and_its_generation()
    {
        HashSet<string> keys = [];
        for (int i = 0; i < 3; i++)
        {
            InMemorySessionStoreFactory store = Create();
            WorkflowSession workflow = await BeginAsync(store);
            string key = await workflow.CompleteAsync((key, _) => Task.FromResult(key));
            Assert.That(Base64Url.DecodeFromChars(key + "A"), Has.Length.EqualTo(17), "132 bits");
            Assert.That(keys.Add(key), Is.True, "each generation has its own");
            string root = Base64Url.EncodeToString(SHA256.HashData("alice"u8).AsSpan(0, 16));
            Assert.That(key, Does.Not.Contain(root));
            WorkflowRecord stored = (await store.Open("alice").LoadWorkflowAsync("checkout", CancellationToken.None))!;
            byte[] hash = SHA256.HashData(Encoding.UTF8.GetBytes($"completion:{root}:checkout:{stored.Generation}"));
            Assert.That(key, Is.EqualTo(Base64Url.EncodeToString(hash)[..22]), "nodes of all releases agree on it");
        }
    }

    [TestCase(0)]
    [TestCase(-1)]
    public void Timeouts_out_of_range_are_refused(int seconds)
    {
        ArgumentException? error = Assert.Throws<ArgumentException>(() =>
            Create(workflow => workflow.CompletionTimeout = TimeSpan.FromSeconds(seconds))
        );
        Assert.That(error!.Message, Does.Contain("CompletionTimeout of workflow 'checkout'"));
        error = Assert.Throws<ArgumentException>(() => Create(workflow => workflow.ReceiptTimeout = TimeSpan.FromSeconds(seconds)));
        Assert.That(error!.Message, Does.Contain("ReceiptTimeout of workflow 'checkout'"));
    }

    private InMemorySessionStoreFactory Create(Action<WorkflowOptions>? configure = null)
    {
        InMemorySessionStoreOptions options = new() { TimeProvider = _clock };
        options.Workflow("checkout", configure ?? (_ => { }));
        return new InMemorySessionStoreFactory(options);
    }

    private static async Task<WorkflowSession> BeginAsync(InMemorySessionStoreFactory store)
    {
        WorkflowSession workflow = await OpenAsync(store);
        workflow.Set("x", 1);
        await workflow.CommitAsync();
        return workflow;
    }

    private static async Task<WorkflowSession> OpenAsync(InMemorySessionStoreFactory store)
    {
        WorkflowSession workflow = new(store.Open("alice"), "checkout");
        await workflow.LoadAsync();
        return workflow;
    }
}
