using Deque.AxeCore.Commons;
using Deque.AxeCore.Playwright;
using Microsoft.Playwright;

namespace CheckoutWizard.Tests;

/// <summary>The shop for everybody: by keyboard alone, on a narrow screen, for screen readers, in light and dark.</summary>
public sealed class AccessibilityTests
{
    // {0} is the instance of the registration.
    private static readonly string[] Pages =
    [
        "/",
        "/Checkout/Cart",
        "/Checkout/Address",
        "/Checkout/Shipping",
        "/Checkout/Payment",
        "/Checkout/Review",
        "/Register/Account/{0}",
        "/Register/Preferences/{0}",
        "/Register/Confirm/{0}",
        "/SignIn",
    ];

    [TestCase(ColorScheme.Light)]
    [TestCase(ColorScheme.Dark)]
    public async Task Labels_contrast_and_structure_have_no_violations(ColorScheme scheme)
    {
        await using IBrowserContext visitor = await FilledAsync(options => options.ColorScheme = scheme);
        IPage page = visitor.Pages[0];
        foreach (string path in PagesOf(page))
        {
            await page.GotoAsync(path);
            await NoViolationsAsync(page, path);
        }

        await page.KeepAsync($"sign-in-{scheme}");
        await page.GotoAsync("/Checkout/Address");
        await page.EnterAsync("City", "");
        await page.ChooseAsync("Go to shipping");
        await Assertions.Expect(page.Locator("#Input_City-error")).ToHaveTextAsync("Enter a city.");
        Assert.That(await page.GetByLabel("City").GetAttributeAsync("aria-invalid"), Is.EqualTo("true"));
        await NoViolationsAsync(page, "an address with an error");
        await page.KeepAsync($"error-{scheme}");
    }

    [Test]
    public async Task Narrow_screen_shows_every_page_without_scrolling_sideways()
    {
        await using IBrowserContext visitor = await FilledAsync(options =>
            options.ViewportSize = new ViewportSize { Width = 360, Height = 740 }
        );
        IPage page = visitor.Pages[0];
        foreach (string path in PagesOf(page))
        {
            await page.GotoAsync(path);
            int width = await page.EvaluateAsync<int>("document.documentElement.scrollWidth");
            Assert.That(width, Is.LessThanOrEqualTo(360), path);
        }

        await page.GotoAsync("/Checkout/Review");
        await page.KeepAsync("narrow");
    }

    [Test]
    public async Task Keyboard_is_enough()
    {
        await using IBrowserContext visitor = await Browsers.VisitAsync(await Browsers.SharedAddressAsync());
        IPage page = await visitor.NewPageAsync();
        await page.GotoAsync("/");
        await page.Keyboard.PressAsync("Tab");
        Assert.That(await FocusedAsync(page), Is.EqualTo("Skip to content"));
        await TabToAsync(page, "Add Teapot to cart");
        await page.Keyboard.PressAsync("Enter");
        await page.WaitForURLAsync("**/Checkout/Cart");
        await TabToAsync(page, "Go to address");
        await page.Keyboard.PressAsync("Enter");
        await page.WaitForURLAsync("**/Checkout/Address");
        // In the order in which they are read.
        foreach (
            (string id, string text) in new[]
            {
                ("Input_Name", "Ada"),
                ("Input_Street", "Main 1"),
                ("Input_PostalCode", "8010"),
                ("Input_City", "Graz"),
            }
        )
        {
            await TabToAsync(page, id);
            await page.Keyboard.TypeAsync(text);
        }

        Assert.That(
            await page.EvaluateAsync<string>("getComputedStyle(document.activeElement).outlineStyle"),
            Is.EqualTo("solid"),
            "the focus is visible"
        );
        await page.Keyboard.PressAsync("Enter");
        await page.WaitForURLAsync("**/Checkout/Shipping");
        await TabToAsync(page, "standard");
        await page.Keyboard.PressAsync("Space");
        await page.Keyboard.PressAsync("Enter");
        await page.WaitForURLAsync("**/Checkout/Payment");
        await TabToAsync(page, "invoice");
        await page.Keyboard.PressAsync("Space");
        await page.Keyboard.PressAsync("Enter");
        await page.WaitForURLAsync("**/Checkout/Review");
        await TabToAsync(page, "Place the order");
        await page.Keyboard.PressAsync("Enter");
        await page.WaitForURLAsync("**/Checkout/Receipt");
        Assert.That(await page.OrderAsync(), Is.Not.Empty);
    }

    [Test]
    public async Task Purchase_needs_no_script()
    {
        await using IBrowserContext visitor = await Browsers.VisitAsync(
            await Browsers.SharedAddressAsync(),
            options => options.JavaScriptEnabled = false
        );
        IPage page = await visitor.NewPageAsync();
        await page.FillCheckoutAsync();
        await page.ChooseAsync("Place the order");
        Assert.That(await page.OrderAsync(), Is.Not.Empty);
    }

    private static string[] PagesOf(IPage confirm)
    {
        string instance = new Uri(confirm.Url).Segments[^1];
        return [.. Pages.Select(path => path.Replace("{0}", instance, StringComparison.Ordinal))];
    }

    private static async Task<IBrowserContext> FilledAsync(Action<BrowserNewContextOptions> configure)
    {
        IBrowserContext visitor = await Browsers.VisitAsync(await Browsers.SharedAddressAsync(), configure);
        IPage page = await visitor.NewPageAsync();
        await page.FillCheckoutAsync();
        await page.GotoAsync("/Register/Account");
        await page.EnterAsync("Name", "Ada");
        await page.EnterAsync("E-mail address", "ada@example.com");
        await page.ChooseAsync("Go to preferences");
        await page.ChooseAsync("Go to confirmation");
        return visitor;
    }

    private static async Task NoViolationsAsync(IPage page, string what)
    {
        AxeResult result = await page.RunAxe();
        Assert.That(result.Passes, Is.Not.Empty);
        Assert.That(
            result.Violations.Select(violation => $"{violation.Id}: {string.Join(", ", violation.Nodes.Select(node => node.Html))}"),
            Is.Empty,
            what
        );
    }

    private static async Task TabToAsync(IPage page, string name)
    {
        for (int i = 0; i < 40; i++)
        {
            if (await FocusedAsync(page) == name)
            {
                return;
            }

            await page.Keyboard.PressAsync("Tab");
        }

        Assert.Fail($"'{name}' can't be reached.");
    }

    /// <returns>The id of the element that has the focus, or its text.</returns>
    private static Task<string> FocusedAsync(IPage page) =>
        page.EvaluateAsync<string>("document.activeElement.id || document.activeElement.textContent.replace(/\\s+/g, ' ').trim()")
            .WaitAsync(TimeSpan.FromMinutes(2));
}
