using Microsoft.Extensions.Time.Testing;
using TestedShop;

namespace WorkflowSessions.AspNetCore.Tests.Documented;

public sealed class CartTests
{
    private readonly FakeTimeProvider _clock = new();
    private InMemoryWorkflowSessions _sessions = null!;

    [SetUp]
    public async Task SetUp()
    {
        _sessions = new InMemoryWorkflowSessions(new InMemorySessionStoreOptions { TimeProvider = _clock });
        await _sessions.ArrangeAsync("cart", cart => cart.Set("book", 1));
    }

    [Test]
    public async Task Item_is_in_the_cart_in_the_next_request()
    {
        await Cart.AddAsync("pen", _sessions, CancellationToken.None);
        await _sessions.NextRequestAsync();
        Assert.That(await Cart.CountAsync(_sessions, CancellationToken.None), Is.EqualTo(2));
    }

    [Test]
    public async Task Visitor_is_told_that_an_item_was_not_saved()
    {
        _sessions.FailNextCommit();
        Assert.That(await Cart.AddAsync("pen", _sessions, CancellationToken.None), Is.EqualTo("not saved"));
        await _sessions.NextRequestAsync();
        Assert.That(await Cart.CountAsync(_sessions, CancellationToken.None), Is.EqualTo(1));
    }

    [Test]
    public async Task Item_is_refused_when_another_tab_ends_the_cart()
    {
        InMemoryWorkflowSessions other = _sessions.NewTab();
        _ = await _sessions.OpenAsync("cart");
        (await other.OpenAsync("cart")).End();
        await other.NextRequestAsync();
        Assert.That(
            async () => await Cart.AddAsync("pen", _sessions, CancellationToken.None),
            Throws.InstanceOf<WorkflowConflictException>()
        );
    }

    [Test]
    public async Task Cart_is_empty_after_the_idle_timeout()
    {
        _clock.Advance(TimeSpan.FromMinutes(21));
        Assert.That(await Cart.CountAsync(_sessions, CancellationToken.None), Is.Zero);
    }
}
