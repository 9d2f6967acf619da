using System.Globalization;
using Microsoft.Extensions.Time.Testing;
using StackExchange.Redis;

namespace WorkflowSessions.Redis.Tests;

/// <summary>A node whose clock is an hour off, beside one whose clock is right.</summary>
public sealed class ClockFaultTests
{
    private static readonly TimeSpan Tolerance = TimeSpan.FromMinutes(2);

    [TestCase(1)]
    [TestCase(-1)]
    public async Task Node_with_a_wrong_clock_lets_workflows_live_as_long_as_the_server_says(int hours)
    {
        DateTimeOffset now = TimeProvider.System.GetUtcNow();
        FakeTimeProvider wrong = new(now.AddHours(hours));
        await using RedisHarness off = new(options => Configure(options, wrong));
        await using RedisHarness right = new(options =>
        {
            Configure(options, TimeProvider.System);
            options.KeyPrefix = off.Prefix;
        });
        WorkflowSession here = new(off.Open("alice"), "checkout");
        await here.LoadAsync();
        here.Set("x", 1);
        await here.CommitAsync();
        RedisKey key = off.Key("checkout");
        Assert.That(await LeftAsync(key), Is.EqualTo(TimeSpan.FromMinutes(20)).Within(Tolerance));
        Assert.That(await DeadlineAsync(key), Is.EqualTo(now.AddMinutes(30)).Within(Tolerance));
        // The node says it in its own time.
        Assert.That(here.ExpiresAt, Is.EqualTo(wrong.GetUtcNow().AddMinutes(20)).Within(Tolerance));

        // Another node sees a wrong stamp, and the right time to live.
        WorkflowSession there = new(right.Open("alice"), "checkout");
        await there.LoadAsync();
        Assert.That(there.LastModified, Is.EqualTo(wrong.GetUtcNow()).Within(Tolerance));
        Assert.That(there.ExpiresAt, Is.EqualTo(now.AddMinutes(20)).Within(Tolerance));
        there.Set("y", 1);
        await there.CommitAsync();
        Assert.That(there.LastModified, Is.EqualTo(now).Within(Tolerance));

        // Used again by the wrong node, it is renewed, and not past the deadline.
        await RedisHarness.Database.KeyExpireAsync(key, TimeSpan.FromMinutes(5));
        await MoveDeadlineAsync(key, now.AddMinutes(10));
        RedisSessionStore session = (RedisSessionStore)off.Open("alice");
        here = new WorkflowSession(session, "checkout");
        await here.LoadAsync();
        await session.Renewal;
        Assert.That(await LeftAsync(key), Is.EqualTo(TimeSpan.FromMinutes(10)).Within(Tolerance));
        here.Set("x", 2);
        await here.CommitAsync();
        Assert.That(await LeftAsync(key), Is.EqualTo(TimeSpan.FromMinutes(10)).Within(Tolerance));
        Assert.That(await DeadlineAsync(key), Is.EqualTo(now.AddMinutes(10)).Within(Tolerance));
        Assert.That((await right.Open("alice").ListAsync()).Select(listed => listed.Id), Is.EqualTo(new[] { "checkout" }));

        // It ends when the server says so, also for the node in whose time it is over long ago or not for an hour.
        await RedisHarness.Database.KeyExpireAsync(key, TimeSpan.FromMilliseconds(1));
        using CancellationTokenSource limit = new(TimeSpan.FromMinutes(1));
        while (await RedisHarness.Database.KeyExistsAsync(key))
        {
            await Task.Delay(5, limit.Token);
        }

        here.Set("x", 3);
        WorkflowConflictException? conflict = await Assert.ThrowsAsync<WorkflowConflictException>(async () => await here.CommitAsync());
        Assert.That(conflict!.Reason, Is.EqualTo(WorkflowConflictReason.Ended));
    }

    private static void Configure(RedisSessionStoreOptions options, TimeProvider clock)
    {
        options.TimeProvider = clock;
        options.IdleTimeout = TimeSpan.FromMinutes(20);
        options.AbsoluteTimeout = TimeSpan.FromMinutes(30);
    }

    private static async Task<TimeSpan> LeftAsync(RedisKey key) =>
        await RedisHarness.Database.KeyTimeToLiveAsync(key) ?? throw new InvalidOperationException("It would stay for ever.");

    private static async Task<DateTimeOffset> DeadlineAsync(RedisKey key)
    {
        string metadata = (await RedisHarness.Database.HashGetAsync(key, "#"))!;
        return DateTimeOffset.FromUnixTimeMilliseconds(long.Parse(metadata.Split(' ')[5], CultureInfo.InvariantCulture));
    }

    private static async Task MoveDeadlineAsync(RedisKey key, DateTimeOffset deadline)
    {
        string[] metadata = ((string)(await RedisHarness.Database.HashGetAsync(key, "#"))!).Split(' ');
        metadata[5] = deadline.ToUnixTimeMilliseconds().ToString(CultureInfo.InvariantCulture);
        await RedisHarness.Database.HashSetAsync(key, "#", string.Join(' ', metadata));
    }
}
