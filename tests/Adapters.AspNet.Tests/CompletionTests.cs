using System.Net;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;

namespace WorkflowSessions.AspNetCore.Tests;

/// <summary>Completion over HTTP, on one node.</summary>
public sealed class CompletionTests
{
    private const int Clicks = 32;

    [Test]
    public async Task Simultaneous_clicks_place_one_order_and_show_one_receipt()
    {
        int opened = 0;
        int orders = 0;
        TaskCompletionSource allOpened = new(TaskCreationOptions.RunContinuationsAsynchronously);
        await using Application application = await Application.StartAsync(
            new InMemorySessionStoreFactory(),
            app =>
                app.MapPost(
                    "/order",
                    async (IWorkflowSessions sessions, CancellationToken ct) =>
                    {
                        WorkflowSession checkout = await sessions.OpenAsync("checkout", ct);
                        if (Interlocked.Increment(ref opened) == Clicks)
                        {
                            allOpened.SetResult();
                        }

                        return await checkout.CompleteAsync(
                            async (key, _) =>
                            {
                                await allOpened.Task;
                                return $"order {Interlocked.Increment(ref orders)} of {checkout.Get<string>("item")}";
                            },
                            ct
                        );
                    }
                )
        );
        using Browser browser = application.Browser();
        await browser.PostAsync("/set/checkout/item/book");
        string[] receipts = await Task.WhenAll(Enumerable.Range(0, Clicks).Select(_ => browser.PostAsync("/order")));
        Assert.That(receipts, Is.All.EqualTo("order 1 of book"));
        Assert.That(orders, Is.EqualTo(1));
        Assert.That(await browser.PostAsync("/order"), Is.EqualTo("order 1 of book"), "a click that comes later");
    }

    [Test]
    public async Task Change_of_a_claimed_or_completed_workflow_gives_409_with_the_reason()
    {
        TaskCompletionSource begun = new(TaskCreationOptions.RunContinuationsAsynchronously);
        TaskCompletionSource<string> order = new(TaskCreationOptions.RunContinuationsAsynchronously);
        await using Application application = await Application.StartAsync(
            new InMemorySessionStoreFactory(),
            app =>
                app.MapPost(
                    "/order",
                    async (IWorkflowSessions sessions, CancellationToken ct) =>
                        await (await sessions.OpenAsync("checkout", ct)).CompleteAsync(
                            (_, _) =>
                            {
                                begun.SetResult();
                                return order.Task;
                            },
                            ct
                        )
                )
        );
        using Browser browser = application.Browser();
        await browser.PostAsync("/set/checkout/item/book");
        Task<string> ordering = browser.PostAsync("/order");
        await begun.Task;
        Assert.That(await ReasonAsync(browser), Is.EqualTo("Completing"));
        Assert.That(await browser.GetAsync("/get/checkout/item"), Is.EqualTo("book"));
        order.SetResult("order 1");
        Assert.That(await ordering, Is.EqualTo("order 1"));
        Assert.That(await ReasonAsync(browser), Is.EqualTo("Completed"));
        Assert.That(await browser.GetAsync("/get/checkout/item"), Is.EqualTo("none"));
    }

    private static async Task<string?> ReasonAsync(Browser browser)
    {
        using HttpResponseMessage response = await browser.SendAsync(HttpMethod.Post, "/set/checkout/item/another");
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.Conflict));
        return (string?)JsonNode.Parse(await response.Content.ReadAsStringAsync())!["reason"];
    }
}
