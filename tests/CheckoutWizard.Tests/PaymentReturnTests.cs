using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Playwright;
using WorkflowSessions.AspNetCore;

namespace CheckoutWizard.Tests;

/// <summary>A provider on another site posts the browser back to the shop.</summary>
public sealed class PaymentReturnTests
{
    [TestCase("/return", "teapot")]
    [TestCase("/return-wrong", "none")]
    public async Task Session_is_kept_by_a_return_that_opens_no_workflow(string path, string cart)
    {
        await using WebApplication shop = await StartAsync();
        // Two sites for the browser: an address and a name.
        int port = new Uri(shop.Urls.First()).Port;
        string own = $"http://localhost:{port}";
        string provider = $"http://127.0.0.1:{port}";
        await using IBrowserContext visitor = await Browsers.VisitAsync(own);
        IPage page = await visitor.NewPageAsync();
        await page.GotoAsync($"{own}/fill");
        await page.GotoAsync($"{provider}/pay?back={WebUtility.UrlEncode(own + path)}");
        await page.GetByRole(AriaRole.Button).ClickAsync();
        await Assertions.Expect(page.Locator("body")).ToHaveTextAsync(cart);
        await page.GotoAsync($"{own}/cart");
        await Assertions.Expect(page.Locator("body")).ToHaveTextAsync(cart);
    }

    private static async Task<WebApplication> StartAsync()
    {
        WebApplicationBuilder builder = WebApplication.CreateBuilder(new WebApplicationOptions { EnvironmentName = "Development" });
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrel(server => server.Listen(IPAddress.Loopback, 0));
        builder.Services.AddWorkflowSessions().AddInMemoryStore();
        WebApplication app = builder.Build();
        app.UseWorkflowSessions();
        app.MapGet("/fill", async (IWorkflowSessions workflows) => (await workflows.OpenAsync("checkout")).Set("cart", "teapot"));
        app.MapGet("/cart", async (IWorkflowSessions workflows) => (await workflows.OpenAsync("checkout")).Get("cart", "none"));
        app.MapGet(
            "/pay",
            (string back) =>
                Results.Content($"<form method=post action=\"{WebUtility.HtmlEncode(back)}\"><button>Pay</button></form>", "text/html")
        );
        app.MapPost("/return", (HttpContext context) => SeeOther(context));
        app.MapPost(
            "/return-wrong",
            async (HttpContext context, IWorkflowSessions workflows) =>
            {
                (await workflows.OpenAsync("checkout")).Set("paid", true);
                return SeeOther(context);
            }
        );
        await app.StartAsync();
        return app;

        static IResult SeeOther(HttpContext context)
        {
            context.Response.Headers.Location = "/cart";
            return Results.StatusCode(StatusCodes.Status303SeeOther);
        }
    }
}
