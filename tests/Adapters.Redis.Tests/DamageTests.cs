using System.Collections.Concurrent;
using WorkflowSessions.Contracts;

namespace WorkflowSessions.Redis.Tests;

/// <summary>
/// Damage to what is stored: it is told, or touches only what it hit, and is never taken for an empty workflow. ./build.sh --target=Damage does a million.
/// </summary>
public sealed class DamageTests
{
    private const int Lanes = 32;

    [Test]
    public async Task Damage_is_told_or_touches_only_what_it_hit()
    {
        ulong seed = RandomInput.Seed();
        await using RedisHarness harness = new();
        long last = -1;
        ConcurrentDictionary<string, int> outcomes = new(StringComparer.Ordinal);
        ConcurrentQueue<string> failures = new();
        await Task.WhenAll(
            Enumerable
                .Range(0, Lanes)
                .Select(lane =>
                    Task.Run(async () =>
                    {
                        using DamagedWorkflow workflow = await DamagedWorkflow.BeginAsync($"{harness.Prefix}{lane}:");
                        long number;
                        while (failures.IsEmpty && (number = Interlocked.Increment(ref last)) < RandomInput.Damages)
                        {
                            try
                            {
                                // Each step is bounded by the options, all of them by this.
                                string outcome = await workflow.DamageAsync(new Damage(seed, number)).WaitAsync(TimeSpan.FromMinutes(3));
                                outcomes.AddOrUpdate(outcome, 1, (_, times) => times + 1);
                            }
                            catch (Exception error)
                            {
                                failures.Enqueue($"seed {seed}, damage {number}: {DamagedWorkflow.Describe(error)}");
                            }
                        }
                    })
                )
        );
        foreach ((string outcome, int times) in outcomes.OrderByDescending(outcome => outcome.Value))
        {
            await TestContext.Out.WriteLineAsync($"{times, 9}  {outcome}");
        }

        Assert.That(failures, Is.Empty);
        Assert.That(outcomes, Has.Count.GreaterThan(3));
    }
}
