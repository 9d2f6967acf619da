using Microsoft.Playwright;
using WorkflowSessions.Contracts;

namespace CheckoutWizard.Tests;

/// <summary>One Chromium for all tests, and one shop in memory; each test has a context, that is a visitor, of its own.</summary>
[SetUpFixture]
public sealed class Browsers
{
    private static readonly Lazy<Task<IPlaywright>> Driver = new(Playwright.CreateAsync);

    private static readonly Lazy<Task<IBrowser>> Chromium = new(async () =>
        await (await Driver.Value).Chromium.LaunchAsync(
            new BrowserTypeLaunchOptions
            {
                ExecutablePath = FindChromium(),
                Args =
                [
                    "--no-sandbox",
                    "--disable-gpu",
                    "--disable-quic",
                    "--no-first-run",
                    "--disable-background-networking",
                    "--disable-component-update",
                    "--disable-sync",
                ],
            }
        )
    );

    private static readonly Lazy<Task<WebProcess>> SharedShop = new(() => Shop.StartAsync());

    /// <summary>The address of a shop that keeps its sessions in memory.</summary>
    internal static async Task<string> SharedAddressAsync() => (await SharedShop.Value).Address;

    [OneTimeSetUp]
    public void SetUp() => Assertions.SetDefaultExpectTimeout(120_000);

    /// <summary>A visitor of a shop.</summary>
    internal static async Task<IBrowserContext> VisitAsync(string address, Action<BrowserNewContextOptions>? configure = null)
    {
        BrowserNewContextOptions options = new() { BaseURL = address };
        configure?.Invoke(options);
        IBrowserContext visitor = await (await Chromium.Value).NewContextAsync(options);
        visitor.SetDefaultTimeout(120_000);
        return visitor;
    }

    [OneTimeTearDown]
    public async Task TearDown()
    {
        if (Chromium.IsValueCreated)
        {
            await (await Chromium.Value).DisposeAsync();
        }

        if (Driver.IsValueCreated)
        {
            (await Driver.Value).Dispose();
        }

        if (SharedShop.IsValueCreated)
        {
            await (await SharedShop.Value).DisposeAsync();
        }

        await RedisServer.EndSharedAsync();
    }

    private static string FindChromium() =>
        Programs.Find("chromium", "chromium-browser", "google-chrome")
        ?? throw new InvalidOperationException("The tests need a Chromium: install the package chromium, or let ./build.sh do it.");
}
