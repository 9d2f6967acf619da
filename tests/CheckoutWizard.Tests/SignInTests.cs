using Microsoft.Playwright;

namespace CheckoutWizard.Tests;

/// <summary>A sign-in that is sent twice.</summary>
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
