using System.Collections.Concurrent;

namespace WorkflowSessions.Redis.Tests;

/// <summary>A workflow that is completed on two nodes at a time, on a server.</summary>
public sealed class CompletionTests
{
    private const int Trials = 10;
    private const int Clicks = 32;

    [Test]
    public async Task Many_clicks_on_two_nodes_have_one_effect_and_one_receipt()
    {
        await using RedisHarness harness = new();
        using RedisSessionStoreFactory first = Node(harness);
        using RedisSessionStoreFactory second = Node(harness);
        RedisSessionStoreFactory[] nodes = [first, second];
        for (int trial = 0; trial < Trials; trial++)
        {
            WorkflowSession cart = await LoadAsync(first, trial);
            cart.Set("item", trial);
            await cart.CommitAsync();

            int effects = 0;
            ConcurrentBag<string> keys = [];
            string[] receipts = await Task.WhenAll(
                Enumerable
                    .Range(0, Clicks)
                    .Select(async click =>
                        await (await LoadAsync(nodes[click % 2], trial)).CompleteAsync(
                            async (key, cancellation) =>
                            {
                                keys.Add(key);
                                await Task.Yield();
                                return $"order {Interlocked.Increment(ref effects)}";
                            }
                        )
                    )
            );
            Assert.That(effects, Is.EqualTo(1));
            Assert.That(receipts, Is.All.EqualTo("order 1"));
            Assert.That(keys, Has.Exactly(1).Items);
            WorkflowSession completed = await LoadAsync(second, trial);
            Assert.That(completed.GetReceipt<string>(), Is.EqualTo("order 1"));
            Assert.That(completed.Count, Is.Zero);
        }
    }

    private static RedisSessionStoreFactory Node(RedisHarness harness) =>
        new(RedisHarness.Database.Multiplexer, new RedisSessionStoreOptions { KeyPrefix = harness.Prefix });

    private static async Task<WorkflowSession> LoadAsync(RedisSessionStoreFactory node, int trial)
    {
        WorkflowSession workflow = new(node.Open($"visitor {trial}"), "checkout");
        await workflow.LoadAsync();
        return workflow;
    }
}
