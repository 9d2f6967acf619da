using System.Net;
using System.Text.Json;
using WorkflowSessions.Contracts;

namespace WorkflowSessions.AspNetCore.Tests;

/// <summary>An application without reflection for JSON, as trimming and compiling ahead of time leave it, tells its clients the same.</summary>
public sealed class ReflectionFreeTests
{
    [Test]
    public async Task Store_that_is_down_gives_503_with_the_names_of_the_workflows()
    {
        using RedisServer redis = await RedisServer.StartAsync();
        await using WebProcess node = await StartAsync("--redis", redis.Address);
        using Browser browser = new(
            new SocketsHttpHandler { UseCookies = false },
            new Uri(node.Address),
            ".WorkflowSessions.ReflectionFree"
        );
        Assert.That(await browser.PostAsync("/set"), Is.Empty);
        redis.Kill();
        using HttpResponseMessage response = await browser.SendAsync(HttpMethod.Post, "/set");
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.ServiceUnavailable));
        Assert.That(response.Headers.RetryAfter?.Delta, Is.GreaterThan(TimeSpan.Zero));
        Assert.That(await WorkflowsAsync(response), Is.EqualTo(new[] { "checkout" }));
    }

    [Test]
    public async Task Old_cookie_gives_409_with_the_reason()
    {
        await using WebProcess node = await StartAsync();
        using Browser browser = new(
            new SocketsHttpHandler { UseCookies = false },
            new Uri(node.Address),
            ".WorkflowSessions.ReflectionFree"
        );
        await browser.PostAsync("/set");
        string old = browser.Cookie!;
        await browser.PostAsync("/sign-in");
        browser.Cookie = old;
        using HttpResponseMessage response = await browser.SendAsync(HttpMethod.Post, "/set");
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.Conflict));
        Assert.That(await WorkflowsAsync(response), Is.EqualTo(new[] { "checkout" }));
    }

    [Test]
    public async Task Objects_are_checked_by_their_source_generated_contract()
    {
        await using WebProcess node = await StartAsync();
        using Browser browser = new(
            new SocketsHttpHandler { UseCookies = false },
            new Uri(node.Address),
            ".WorkflowSessions.ReflectionFree"
        );
        string[] lines = (await browser.PostAsync("/objects")).Split('\n');
        Assert.That(lines[0], Is.EqualTo("Line { Name = tea, Count = 2 }"));
        Assert.That(lines[1], Does.StartWith("WorkflowValueException: ").And.Contain("Item1"));
        Assert.That(lines[2], Does.StartWith("ArgumentException: ").And.Contain("TypeInfoResolver = MyContext.Default"));
    }

    private static async Task<string?[]> WorkflowsAsync(HttpResponseMessage response)
    {
        Assert.That(response.Content.Headers.ContentType?.MediaType, Is.EqualTo("application/problem+json"));
        using JsonDocument problem = JsonDocument.Parse(await response.Content.ReadAsStringAsync());
        return [.. problem.RootElement.GetProperty("workflows").EnumerateArray().Select(name => name.GetString())];
    }

    private static Task<WebProcess> StartAsync(params string[] arguments)
    {
        string program = Checkout.Built("ReflectionFree", "ReflectionFree.dll");
        return WebProcess.StartAsync(program, Path.GetDirectoryName(program)!, arguments);
    }
}
