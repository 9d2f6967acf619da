using System.Text;
using Microsoft.Playwright;
using WorkflowSessions.Contracts;

namespace CheckoutWizard.Tests;

/// <summary>A sign-in that is sent twice, and pages that another tab's sign-in overtakes.</summary>
public sealed class SignInTests
{
    private const string CookieName = ".WorkflowSessions.CheckoutWizard";
    private const int Tries = 5;

    [Test]
    public async Task Double_click_on_sign_in_without_script_keeps_the_cart_and_the_address()
    {
        for (int i = 1; i <= Tries; i++)
        {
            await using SlowNetwork network = new(await Browsers.SharedAddressAsync());
            await using IBrowserContext visitor = await Browsers.VisitAsync(network.Address, options => options.JavaScriptEnabled = false);
            IPage page = await visitor.NewPageAsync();
            await FillAddressAsync(page);
            string before = await CookieAsync(visitor);
            await FillSignInAsync(page);
            Func<Task> click = await ClickOnSignInAsync(page);

            await click();
            await network.FirstReply;
            Assert.That(
                await CookieAsync(visitor),
                Is.EqualTo(before),
                $"try {i}: the shop has signed the visitor in, the browser does not know it"
            );
            await click();
            await network.SecondSignIn;
            network.Release(delivers: false);

            await Assertions.Expect(page.Locator("#name")).ToHaveTextAsync("Ada");
            Assert.That(network.SignIns, Is.EqualTo(2));
            Assert.That(await CookieAsync(visitor), Is.Not.EqualTo(before));
            await Assertions.Expect(page.Panel("checkout")).ToContainTextAsync("cart/teapot");
            await Assertions.Expect(page.Panel("checkout")).ToContainTextAsync("Graz");
            await page.GotoAsync("/Checkout/Address");
            await Assertions.Expect(page.GetByLabel("City")).ToHaveValueAsync("Graz");
        }
    }

    [Test]
    public async Task Second_click_sends_nothing_with_the_script()
    {
        await using SlowNetwork network = new(await Browsers.SharedAddressAsync());
        await using IBrowserContext visitor = await Browsers.VisitAsync(network.Address);
        IPage page = await visitor.NewPageAsync();
        await FillSignInAsync(page);
        Func<Task> click = await ClickOnSignInAsync(page);
        await click();
        await click();
        await network.FirstReply;
        await click();
        network.Release(delivers: true);
        await Assertions.Expect(page.Locator("#name")).ToHaveTextAsync("Ada");
        Assert.That(network.SignIns, Is.EqualTo(1));
    }

    [Test]
    public async Task Page_that_comes_back_from_the_back_forward_cache_has_its_buttons_enabled()
    {
        await using IBrowserContext visitor = await Browsers.VisitAsync(await Browsers.SharedAddressAsync());
        IPage page = await visitor.NewPageAsync();
        await page.GotoAsync("/SignIn");
        // As sent: the event disables the button, and no navigation begins.
        await page.EvaluateAsync("document.querySelector('form').dispatchEvent(new SubmitEvent('submit', { bubbles: true }))");
        await Assertions.Expect(SignInButton(page)).ToBeDisabledAsync();
        await page.EvaluateAsync("dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))");
        await Assertions.Expect(SignInButton(page)).ToBeEnabledAsync();
    }

    [Test]
    public async Task Page_that_a_sign_in_overtakes_is_shown_and_loses_nothing()
    {
        using RedisServer redis = await RedisServer.StartAsync();
        await using FaultyProxy network = FaultyProxy.Start(redis.Port);
        await using WebProcess slow = await Shop.StartAsync("--redis", network.Address);
        await using WebProcess fast = await Shop.StartAsync("--redis", redis.Address);
        // Cookies do not depend on the port, so that both are one shop for the browser.
        await using IBrowserContext visitor = await Browsers.VisitAsync(fast.Address);
        IPage page = await visitor.NewPageAsync();
        await page.AddAsync("Teapot");

        TaskCompletionSource held = new(TaskCreationOptions.RunContinuationsAsynchronously);
        TaskCompletionSource release = new(TaskCreationOptions.RunContinuationsAsynchronously);
        network.OnRequest = async bytes =>
        {
            // The panel loads the account after the page has loaded the checkout.
            if (Encoding.ASCII.GetString(bytes.Span).Contains(":account", StringComparison.Ordinal))
            {
                held.TrySetResult();
                await release.Task;
            }

            return bytes.Length;
        };
        Task<IResponse?> overtaken = page.GotoAsync($"{slow.Address}/Checkout/Cart");
        await held.Task.WaitAsync(TimeSpan.FromMinutes(2));
        await SignInAsync(await visitor.NewPageAsync());
        release.SetResult();

        Assert.That((await overtaken)!.Status, Is.EqualTo(200));
        await Assertions.Expect(page.Locator("main")).ToContainTextAsync("Teapot");
        await page.ReloadAsync();
        await Assertions.Expect(page.Locator("main")).ToContainTextAsync("Teapot");
    }

    private static async Task FillAddressAsync(IPage page)
    {
        await page.AddAsync("Teapot");
        await page.ChooseAsync("Go to address");
        await page.EnterAddressAsync();
        await page.ChooseAsync("Go to shipping");
    }

    private static async Task FillSignInAsync(IPage page)
    {
        await page.GotoAsync("/SignIn");
        await page.EnterAsync("Name", "Ada");
        await page.EnterAsync("E-mail address", "ada@example.com");
    }

    private static async Task SignInAsync(IPage page)
    {
        await FillSignInAsync(page);
        await SignInButton(page).ClickAsync();
        await Assertions.Expect(page.Locator("#name")).ToHaveTextAsync("Ada");
    }

    private static ILocator SignInButton(IPage page) =>
        page.GetByRole(AriaRole.Main).GetByRole(AriaRole.Button, new() { Name = "Sign in" });

    /// <summary>A click where the button is now. It can be made during a navigation, when a locator would wait.</summary>
    private static async Task<Func<Task>> ClickOnSignInAsync(IPage page)
    {
        LocatorBoundingBoxResult box = (await SignInButton(page).BoundingBoxAsync())!;
        return () => page.Mouse.ClickAsync(box.X + (box.Width / 2), box.Y + (box.Height / 2));
    }

    private static async Task<string> CookieAsync(IBrowserContext visitor) =>
        (await visitor.CookiesAsync()).Single(cookie => cookie.Name == CookieName).Value;
}
