using Microsoft.Playwright;
using WorkflowSessions.Contracts;

namespace CheckoutWizard.Tests;

/// <summary>Two nodes of the shop behind a balancer, without sticky sessions.</summary>
public sealed class FarmTests
{
    [Test]
    public async Task Purchase_goes_on_when_a_node_is_killed_in_the_middle()
    {
        using RedisServer redis = await RedisServer.StartAsync();
        await using WebProcess first = await Shop.StartAsync("--redis", redis.Address, "--node", "a");
        await using WebProcess second = await Shop.StartAsync("--redis", redis.Address, "--node", "b");
        using Balancer balancer = new(first, second);
        await balancer.ReadyAsync();
        await using IBrowserContext visitor = await Browsers.VisitAsync(balancer.Address);
        IPage page = await visitor.NewPageAsync();
        HashSet<string> served = [];
        using CancellationTokenSource limit = new(TimeSpan.FromMinutes(2));
        // The balancer may find one of the nodes later than the other.
        while (served.Count < 2)
        {
            limit.Token.ThrowIfCancellationRequested();
            await page.GotoAsync("/");
            served.Add(await page.Locator("#node").InnerTextAsync());
        }

        Assert.That(served, Is.EquivalentTo(new[] { "a", "b" }), "both serve");
        await page.AddAsync("Teapot");
        await page.ChooseAsync("Go to address");
        await page.EnterAddressAsync();
        await page.ChooseAsync("Go to shipping");
        first.Kill();
        await page.GetByLabel("Express").CheckAsync();
        await page.ChooseAsync("Go to payment");
        await page.GetByLabel("Invoice").CheckAsync();
        await page.ChooseAsync("Go to review");
        await Assertions.Expect(page.Locator("main")).ToContainTextAsync("Graz");
        await page.ChooseAsync("Place the order");
        Assert.That(await page.OrderAsync(), Does.Match("^[0-9]{6}$"));
        await Assertions.Expect(page.Locator("#node")).ToHaveTextAsync("b");
    }
}
