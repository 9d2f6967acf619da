using Microsoft.Playwright;
using WorkflowSessions.Contracts;

namespace CheckoutWizard.Tests;

/// <summary>What visitors do in the shop, in their words.</summary>
internal static class Visit
{
    extension(IPage page)
    {
        public async Task AddAsync(string product)
        {
            await page.GotoAsync("/");
            await page.ChooseAsync($"Add {product} to cart");
        }

        /// <summary>Follows a link or sends a form, and returns when the next page is there.</summary>
        public async Task ChooseAsync(string name)
        {
            TaskCompletionSource loaded = new(TaskCreationOptions.RunContinuationsAsynchronously);
            void OnLoad(object? sender, IPage next) => loaded.TrySetResult();
            page.Load += OnLoad;
            await page.GetByRole(AriaRole.Button, new() { Name = name, Exact = true })
                .Or(page.GetByRole(AriaRole.Link, new() { Name = name, Exact = true }))
                .ClickAsync();
            await loaded.Task.WaitAsync(TimeSpan.FromMinutes(2));
            page.Load -= OnLoad;
        }

        public Task EnterAsync(string label, string text) => page.GetByLabel(label, new() { Exact = true }).FillAsync(text);

        public async Task EnterAddressAsync(string name = "Ada Lovelace")
        {
            await page.EnterAsync("Full name", name);
            await page.EnterAsync("Street and number", "Main Street 1");
            await page.EnterAsync("Postal code", "8010");
            await page.EnterAsync("City", "Graz");
        }

        /// <summary>From the shop to the review.</summary>
        public async Task FillCheckoutAsync()
        {
            await page.AddAsync("Teapot");
            await page.ChooseAsync("Go to address");
            await page.EnterAddressAsync();
            await page.ChooseAsync("Go to shipping");
            await page.GetByLabel("Express").CheckAsync();
            await page.ChooseAsync("Go to payment");
            await page.GetByLabel("Invoice").CheckAsync();
            await page.ChooseAsync("Go to review");
        }

        public Task<string> HeadingAsync() => page.GetByRole(AriaRole.Heading, new() { Level = 1 }).InnerTextAsync();

        public Task<string> OrderAsync() => page.Locator("#order").InnerTextAsync();

        /// <summary>What the panel shows of a workflow.</summary>
        public ILocator Panel(string workflow) => page.Locator($"[data-workflow='{workflow}']");
    }

    public static async Task KeepAsync(this IPage page, string name)
    {
        string folder = Path.Combine(Checkout.Root, "artifacts", "screenshots");
        Directory.CreateDirectory(folder);
        await page.ScreenshotAsync(new PageScreenshotOptions { Path = Path.Combine(folder, $"{name}.png"), FullPage = true });
    }
}
