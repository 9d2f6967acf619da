using Microsoft.Playwright;
using StackExchange.Redis;
using WorkflowSessions.Contracts;

namespace CheckoutWizard.Tests;

/// <summary>The shop in a real browser.</summary>
public sealed class CheckoutTests
{
    [TestCase("in memory")]
    [TestCase("Redis")]
    [TestCase("distributed cache")]
    public async Task Whole_purchase(string store)
    {
        string redis = await RedisServer.SharedAddressAsync();
        await using WebProcess shop = await Shop.StartAsync(
            store switch
            {
                "Redis" => ["--redis", redis],
                "distributed cache" => ["--redis", redis, "--distributed-cache"],
                _ => [],
            }
        );
        await using IBrowserContext visitor = await Browsers.VisitAsync(shop.Address);
        IPage page = await visitor.NewPageAsync();
        await page.GotoAsync("/");
        await page.KeepAsync("shop");
        await page.FillCheckoutAsync();
        Assert.That(await page.HeadingAsync(), Is.EqualTo("Is everything right?"));
        Assert.That(await page.Locator("#total").InnerTextAsync(), Is.EqualTo("60.00 €"));
        await page.KeepAsync("review");
        await page.ChooseAsync("Place the order");
        Assert.That(await page.OrderAsync(), Does.Match("^[0-9]{6}$"));
        Assert.That(await page.Locator("#total").InnerTextAsync(), Is.EqualTo("60.00 €"));
        await page.KeepAsync("receipt");
    }

    [Test]
    public async Task Two_wizards_at_once_do_not_disturb_each_other()
    {
        (IBrowserContext visitor, IPage checkout) = await VisitAsync();
        await using IBrowserContext _ = visitor;
        await checkout.AddAsync("Teapot");
        IPage registration = await visitor.NewPageAsync();
        await registration.GotoAsync("/Register");
        await registration.EnterAsync("Name", "Ada");
        await registration.EnterAsync("E-mail address", "ada@example.com");
        await registration.ChooseAsync("Go to preferences");
        await checkout.ChooseAsync("Go to address");
        await checkout.EnterAddressAsync("Charles Babbage");
        await checkout.ChooseAsync("Go to shipping");
        await registration.ChooseAsync("Go to confirmation");
        Assert.That(await registration.Locator("main strong").InnerTextAsync(), Is.EqualTo("Ada"));
        await Assertions.Expect(registration.Panel("checkout")).ToContainTextAsync("Charles Babbage");
        await Assertions.Expect(registration.Panel("registration")).ToContainTextAsync("ada@example.com");
        await registration.KeepAsync("two-wizards");
        await registration.ChooseAsync("Open the account");
        await Assertions.Expect(registration.Locator("#name")).ToHaveTextAsync("Ada");
        Assert.That(await registration.Panel("registration").CountAsync(), Is.Zero, "the registration is over");
        await checkout.ReloadAsync();
        Assert.That(await checkout.HeadingAsync(), Is.EqualTo("How shall we send it?"));
    }

    [Test]
    public async Task Two_registrations_in_two_tabs_do_not_disturb_each_other()
    {
        (IBrowserContext visitor, IPage first) = await VisitAsync();
        await using IBrowserContext _ = visitor;
        IPage second = await visitor.NewPageAsync();
        foreach ((IPage page, string name) in new[] { (first, "Ada"), (second, "Charles") })
        {
            await page.GotoAsync("/Register");
            await page.EnterAsync("Name", name);
            await page.EnterAsync("E-mail address", $"{name}@example.com");
            await page.ChooseAsync("Go to preferences");
        }

        await first.ChooseAsync("Go to confirmation");
        Assert.That(await first.Locator("main strong").InnerTextAsync(), Is.EqualTo("Ada"));
        await Assertions.Expect(first.Panel("registration")).ToContainTextAsync("Ada@example.com");
        await second.ChooseAsync("Back to account");
        Assert.That(await second.GetByLabel("Name", new() { Exact = true }).InputValueAsync(), Is.EqualTo("Charles"));
        await second.ChooseAsync("Go to preferences");
        IPage old = await visitor.NewPageAsync();
        await old.GotoAsync(first.Url.Replace("Confirm", "Preferences", StringComparison.Ordinal));

        await first.ChooseAsync("Open the account");
        await Assertions.Expect(first.Locator("#name")).ToHaveTextAsync("Ada");
        await old.ChooseAsync("Go to confirmation");
        await Assertions.Expect(old.GetByRole(AriaRole.Alert)).ToContainTextAsync("This registration is over");
        await second.ChooseAsync("Go to confirmation");
        Assert.That(await second.Locator("main strong").InnerTextAsync(), Is.EqualTo("Charles"));
    }

    [Test]
    public async Task Two_tabs_of_one_wizard_keep_what_both_save()
    {
        (IBrowserContext visitor, IPage first) = await VisitAsync();
        await using IBrowserContext _ = visitor;
        await first.FillCheckoutAsync();
        IPage second = await visitor.NewPageAsync();
        await first.GotoAsync("/Checkout/Address");
        await second.GotoAsync("/Checkout/Shipping");
        await first.EnterAsync("City", "Vienna");
        await second.EnterAsync("Note for the courier (optional)", "Ring twice");
        await Task.WhenAll(first.ChooseAsync("Go to shipping"), second.ChooseAsync("Go to payment"));
        await first.GotoAsync("/Checkout/Review");
        await Assertions.Expect(first.Locator("main")).ToContainTextAsync("Vienna");
        await Assertions.Expect(first.Locator("main")).ToContainTextAsync("Ring twice");
    }

    [Test]
    public async Task Parallel_additions_to_the_cart_are_all_counted()
    {
        (IBrowserContext visitor, IPage first) = await VisitAsync();
        await using IBrowserContext _ = visitor;
        await first.AddAsync("Kettle");
        IPage[] tabs = [first, await visitor.NewPageAsync(), await visitor.NewPageAsync(), await visitor.NewPageAsync()];
        await Task.WhenAll(tabs.Select(tab => tab.GotoAsync("/")));
        await Task.WhenAll(tabs.Select(tab => tab.ChooseAsync("Add Kettle to cart")));
        await first.GotoAsync("/Checkout/Cart");
        await Assertions.Expect(first.Locator("tbody td.number").First).ToHaveTextAsync("5");
    }

    [Test]
    public async Task Double_click_back_and_reload_order_once()
    {
        (IBrowserContext visitor, IPage page) = await VisitAsync();
        await using IBrowserContext _ = visitor;
        await page.FillCheckoutAsync();
        IPage twin = await visitor.NewPageAsync();
        await twin.GotoAsync("/Checkout/Review");
        ILocator order = page.GetByRole(AriaRole.Button, new() { Name = "Place the order" });
        await Task.WhenAll(order.DblClickAsync(), twin.ChooseAsync("Place the order"));
        string number = await page.OrderAsync();
        Assert.That(await twin.OrderAsync(), Is.EqualTo(number));
        await page.ReloadAsync();
        Assert.That(await page.OrderAsync(), Is.EqualTo(number));
        await page.GoBackAsync();
        await page.GotoAsync("/Checkout/Review");
        Assert.That(await page.OrderAsync(), Is.EqualTo(number));
        await page.GotoAsync("/Checkout/Payment");
        Assert.That(await page.OrderAsync(), Is.EqualTo(number));
    }

    [Test]
    public async Task Back_and_reload_after_a_step_show_what_was_saved()
    {
        (IBrowserContext visitor, IPage page) = await VisitAsync();
        await using IBrowserContext _ = visitor;
        await page.AddAsync("Teapot");
        await page.ChooseAsync("Go to address");
        await page.EnterAddressAsync();
        await page.ChooseAsync("Go to shipping");
        await page.ReloadAsync();
        Assert.That(await page.HeadingAsync(), Is.EqualTo("How shall we send it?"), "a reload sends nothing again");
        await page.GoBackAsync();
        await Assertions.Expect(page.GetByLabel("City")).ToHaveValueAsync("Graz");
        await page.GoForwardAsync();
        Assert.That(await page.HeadingAsync(), Is.EqualTo("How shall we send it?"));
    }

    [Test]
    public async Task Visitor_who_closes_the_tab_goes_on_where_he_left()
    {
        (IBrowserContext visitor, IPage page) = await VisitAsync();
        await using IBrowserContext _ = visitor;
        await page.AddAsync("Teapot");
        await page.ChooseAsync("Go to address");
        await page.EnterAddressAsync();
        await page.ChooseAsync("Go to shipping");
        await page.CloseAsync();
        IPage next = await visitor.NewPageAsync();
        await next.GotoAsync("/");
        await next.ChooseAsync("Checkout");
        Assert.That(await next.HeadingAsync(), Is.EqualTo("How shall we send it?"));
    }

    [Test]
    public async Task Cart_that_expires_while_the_visitor_types_leaves_the_text()
    {
        using RedisServer server = await RedisServer.StartAsync();
        await using ConnectionMultiplexer connection = await ConnectionMultiplexer.ConnectAsync($"{server.Address},allowAdmin=true");
        await using WebProcess shop = await Shop.StartAsync("--redis", server.Address);
        await using IBrowserContext visitor = await Browsers.VisitAsync(shop.Address);
        IPage page = await visitor.NewPageAsync();
        await page.AddAsync("Teapot");
        await page.ChooseAsync("Go to address");
        await page.EnterAddressAsync();
        // The cart is there until now, however long the browser takes.
        IDatabase database = connection.GetDatabase();
        RedisKey cart = ((string[])(await database.ExecuteAsync("KEYS", "*:checkout"))!).Single();
        await database.KeyExpireAsync(cart, TimeSpan.FromMilliseconds(1));
        using CancellationTokenSource limit = new(TimeSpan.FromMinutes(1));
        while (await database.KeyExistsAsync(cart))
        {
            await Task.Delay(20, limit.Token);
        }

        await page.ChooseAsync("Go to shipping");
        await Assertions.Expect(page.GetByRole(AriaRole.Alert)).ToContainTextAsync("has expired");
        await Assertions.Expect(page.GetByLabel("City")).ToHaveValueAsync("Graz");
        await page.KeepAsync("expired");
    }

    [Test]
    public async Task Server_that_is_down_loses_nothing_that_was_typed()
    {
        using RedisServer server = await RedisServer.StartAsync("--appendonly", "yes", "--appendfsync", "always");
        await using WebProcess shop = await Shop.StartAsync("--redis", $"{server.Address},connectTimeout=1000");
        await using IBrowserContext visitor = await Browsers.VisitAsync(shop.Address);
        IPage page = await visitor.NewPageAsync();
        await page.AddAsync("Teapot");
        await page.ChooseAsync("Go to address");
        await page.EnterAddressAsync();
        server.Kill();
        await page.ChooseAsync("Go to shipping");
        await Assertions.Expect(page.GetByRole(AriaRole.Alert)).ToContainTextAsync("Nothing was saved");
        await Assertions.Expect(page.GetByLabel("City")).ToHaveValueAsync("Graz");
        await page.KeepAsync("not-saved");
        IPage other = await visitor.NewPageAsync();
        IResponse? down = await other.GotoAsync("/Checkout/Cart");
        Assert.That(down!.Status, Is.EqualTo(503));
        Assert.That(await other.HeadingAsync(), Does.Contain("can't get at your session"));
        await server.RunAsync();
        using CancellationTokenSource limit = new(TimeSpan.FromMinutes(3));
        while (await page.GetByRole(AriaRole.Alert).CountAsync() > 0)
        {
            limit.Token.ThrowIfCancellationRequested();
            await page.ChooseAsync("Go to shipping");
        }

        Assert.That(await page.HeadingAsync(), Is.EqualTo("How shall we send it?"));
        await page.GotoAsync("/Checkout/Address");
        await Assertions.Expect(page.GetByLabel("City")).ToHaveValueAsync("Graz");
    }

    [Test]
    public async Task Sign_in_renews_the_id_and_keeps_the_cart()
    {
        (IBrowserContext visitor, IPage page) = await VisitAsync();
        await using IBrowserContext _ = visitor;
        await page.AddAsync("Teapot");
        string before = await CookieAsync(visitor);
        await page.GotoAsync("/SignIn");
        await page.EnterAsync("Name", "Ada");
        await page.EnterAsync("E-mail address", "ada@example.com");
        await page.GetByRole(AriaRole.Main).GetByRole(AriaRole.Button, new() { Name = "Sign in" }).ClickAsync();
        await Assertions.Expect(page.Locator("#name")).ToHaveTextAsync("Ada");
        string after = await CookieAsync(visitor);
        Assert.That(after, Is.Not.EqualTo(before));
        await page.GotoAsync("/Checkout/Cart");
        await Assertions.Expect(page.Locator("main")).ToContainTextAsync("Teapot");

        await using IBrowserContext thief = await Browsers.VisitAsync(await Browsers.SharedAddressAsync());
        await thief.AddCookiesAsync([
            new Cookie
            {
                Name = ".WorkflowSessions.CheckoutWizard",
                Value = before,
                Url = await Browsers.SharedAddressAsync(),
            },
        ]);
        IPage stolen = await thief.NewPageAsync();
        await stolen.GotoAsync("/Checkout/Cart");
        await Assertions.Expect(stolen.Locator("main")).ToContainTextAsync("It is empty");
        await page.GotoAsync("/SignIn");
        await page.ChooseAsync("Sign out");
        await page.GotoAsync("/Checkout/Cart");
        await Assertions.Expect(page.Locator("main")).ToContainTextAsync("It is empty");
    }

    [Test]
    public async Task Node_says_its_name()
    {
        await using WebProcess shop = await Shop.StartAsync("--node", "a");
        await using IBrowserContext visitor = await Browsers.VisitAsync(shop.Address);
        IPage page = await visitor.NewPageAsync();
        await page.GotoAsync("/");
        await Assertions.Expect(page.Locator("#node")).ToHaveTextAsync("a");
    }

    private static async Task<(IBrowserContext Visitor, IPage Page)> VisitAsync()
    {
        IBrowserContext visitor = await Browsers.VisitAsync(await Browsers.SharedAddressAsync());
        return (visitor, await visitor.NewPageAsync());
    }

    private static async Task<string> CookieAsync(IBrowserContext visitor) =>
        (await visitor.CookiesAsync()).Single(cookie => cookie.Name == ".WorkflowSessions.CheckoutWizard").Value;
}
