using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using StackExchange.Redis;
using WorkflowSessions.Contracts;
using WorkflowSessions.Redis;

namespace WorkflowSessions.AspNetCore.Tests;

/// <summary>Two nodes on one Redis, over HTTP.</summary>
public sealed class WebFarmTests
{
    private const int Trials = 300;

    // Both requests have read before one writes, so that each of them loses a write.
    private const int TrialsOfPeer = 20;

    [Test]
    public async Task Two_requests_at_a_time_lose_no_write_where_the_session_of_the_framework_does()
    {
        ConnectionMultiplexer connection = await Stores.ConnectionAsync();
        RedisSessionStoreOptions options = new() { KeyPrefix = $"test-{Guid.NewGuid():N}:", IdleTimeout = TimeSpan.FromMinutes(2) };
        await using Application first = await Application.StartAsync(new RedisSessionStoreFactory(connection, options), kestrel: true);
        await using Application second = await Application.StartAsync(new RedisSessionStoreFactory(connection, options), kestrel: true);
        int lost = await LostAsync(Trials, first.Address, second.Address, Browser.CookieName);

        string keys = Directory.CreateTempSubdirectory("workflowsessions-keys-").FullName;
        Pairs pairs = new();
        await using WebApplication firstPeer = await StartPeerAsync(keys, pairs);
        await using WebApplication secondPeer = await StartPeerAsync(keys, pairs);
        int lostByPeer = await LostAsync(
            TrialsOfPeer,
            new Uri(firstPeer.Urls.First()),
            new Uri(secondPeer.Urls.First()),
            ".AspNetCore.Session"
        );
        Directory.Delete(keys, recursive: true);

        await TestContext.Out.WriteLineAsync(
            $"Trials of two requests at a time that write different keys: WorkflowSessions lost a write in {lost} of {Trials}, ASP.NET Core Session in {lostByPeer} of {TrialsOfPeer}."
        );
        Assert.That(lost, Is.Zero);
        Assert.That(lostByPeer, Is.EqualTo(TrialsOfPeer), "trials that lose nothing anywhere show nothing");
    }

    [Test]
    public async Task Server_that_is_down_gives_503_and_the_same_application_goes_on_when_it_is_back()
    {
        using RedisServer server = await RedisServer.StartAsync("--appendonly", "yes", "--appendfsync", "always");
        await using ConnectionMultiplexer connection = await ConnectionMultiplexer.ConnectAsync(
            $"{server.Address},abortConnect=false,connectTimeout=1000"
        );
        await using Application application = await Application.StartAsync(
            new RedisSessionStoreFactory(connection, new RedisSessionStoreOptions { CommandTimeout = TimeSpan.FromSeconds(2) }),
            kestrel: true
        );
        using Browser browser = application.Browser();
        await browser.PostAsync("/set/checkout/step/1");
        server.Kill();
        for (int i = 0; i < 3; i++)
        {
            Assert.That(await browser.PostAsync("/set/checkout/step/2"), Is.EqualTo("503"));
            Assert.That(await browser.GetAsync("/get/checkout/step"), Is.EqualTo("503"));
        }

        Assert.That(await browser.GetAsync("/nothing"), Is.EqualTo("ok"));
        await server.RunAsync();
        using CancellationTokenSource limit = new(TimeSpan.FromMinutes(3));
        string step;
        do
        {
            limit.Token.ThrowIfCancellationRequested();
            step = await browser.GetAsync("/get/checkout/step");
        } while (step == "503");

        Assert.That(step, Is.EqualTo("1"), "what was refused is not there");
    }

    [Test]
    public async Task Sign_in_on_one_node_counts_on_the_other_at_once_and_disturbs_no_request_under_way()
    {
        ConnectionMultiplexer connection = await Stores.ConnectionAsync();
        RedisSessionStoreOptions options = new() { KeyPrefix = $"test-{Guid.NewGuid():N}:", IdleTimeout = TimeSpan.FromMinutes(2) };
        TaskCompletionSource opened = new();
        TaskCompletionSource renewed = new();
        await using Application first = await Application.StartAsync(
            new RedisSessionStoreFactory(connection, options),
            app =>
                app.MapPost(
                    "/slow",
                    async (IWorkflowSessions sessions) =>
                    {
                        (await sessions.OpenAsync("draft")).Set("text", "kept");
                        opened.SetResult();
                        await renewed.Task;
                        return "saved";
                    }
                ),
            kestrel: true
        );
        await using Application second = await Application.StartAsync(new RedisSessionStoreFactory(connection, options), kestrel: true);
        using Browser onFirst = first.Browser();
        using Browser onSecond = second.Browser();
        await onFirst.PostAsync("/set/checkout/step/1");
        onSecond.Cookie = onFirst.Cookie;
        string old = onFirst.Cookie!;
        Task<HttpResponseMessage> slow = onFirst.SendAsync(HttpMethod.Post, "/slow");
        await opened.Task;
        Assert.That(await onSecond.PostAsync("/sign-in"), Is.Empty);
        renewed.SetResult();
        using HttpResponseMessage saved = await slow;
        Assert.That(await saved.Content.ReadAsStringAsync(), Is.EqualTo("saved"));
        Assert.That(Browser.SetCookieOf(saved), Is.Null, "the fresh cookie must not be overwritten");
        Assert.That(onFirst.Cookie, Is.EqualTo(old));
        Assert.That(await onFirst.GetAsync("/get/draft/text"), Is.EqualTo("none"));
        Assert.That(await onSecond.GetAsync("/get/draft/text"), Is.EqualTo("kept"));
    }

    /// <returns>In how many trials one of two writes was not there afterwards.</returns>
    private static async Task<int> LostAsync(int trials, Uri first, Uri second, string cookieName)
    {
        using HttpClient client = new(new SocketsHttpHandler { UseCookies = false });
        int lost = 0;
        for (int i = 0; i < trials; i++)
        {
            using HttpResponseMessage begun = await client.PostAsync(new Uri(first, "/set/checkout/begun/1"), content: null);
            string cookie = begun.Headers.GetValues("Set-Cookie").Single(value => value.StartsWith(cookieName, StringComparison.Ordinal));
            cookie = cookie[..cookie.IndexOf(';', StringComparison.Ordinal)];
            await Task.WhenAll(PostAsync(first, "/set/checkout/a/1"), PostAsync(second, "/set/checkout/b/1"));
            if (await GetAsync("a") != "1" || await GetAsync("b") != "1")
            {
                lost++;
            }

            async Task PostAsync(Uri node, string path)
            {
                using HttpResponseMessage response = await SendAsync(HttpMethod.Post, node, path);
                response.EnsureSuccessStatusCode();
            }

            async Task<string> GetAsync(string key)
            {
                using HttpResponseMessage response = await SendAsync(HttpMethod.Get, first, $"/get/checkout/{key}");
                return await response.Content.ReadAsStringAsync();
            }

            async Task<HttpResponseMessage> SendAsync(HttpMethod method, Uri node, string path)
            {
                using HttpRequestMessage request = new(method, new Uri(node, path));
                request.Headers.Add("Cookie", cookie);
                return await client.SendAsync(request);
            }
        }

        return lost;
    }

    /// <summary>The same endpoints on the session of the framework, over Microsoft's cache on the same Redis.</summary>
    private static async Task<WebApplication> StartPeerAsync(string keys, Pairs pairs)
    {
        // The cache closes its connection at the end, and so it has one of its own.
        string redis = await RedisServer.SharedAddressAsync();
        WebApplicationBuilder builder = WebApplication.CreateBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Services.AddDataProtection().SetApplicationName("peer").PersistKeysToFileSystem(new DirectoryInfo(keys));
        builder.Services.AddStackExchangeRedisCache(options =>
        {
            options.Configuration = redis;
            options.InstanceName = "peer:";
        });
        builder.Services.AddSession(options => options.IdleTimeout = TimeSpan.FromMinutes(2));
        WebApplication application = builder.Build();
        application.UseSession();
        application.MapGet(
            "/get/{workflow}/{key}",
            async (string workflow, string key, HttpContext context) =>
            {
                await context.Session.LoadAsync();
                return context.Session.GetString($"{workflow}_{key}") ?? "none";
            }
        );
        application.MapPost(
            "/set/{workflow}/{key}/{value}",
            async (string workflow, string key, string value, HttpContext context) =>
            {
                await context.Session.LoadAsync();
                if (key is "a" or "b")
                {
                    await pairs.MeetAsync();
                }

                context.Session.SetString($"{workflow}_{key}", value);
                return "saved";
            }
        );
        await application.StartAsync();
        return application;
    }

    /// <summary>Requests that wait for each other, two and two.</summary>
    private sealed class Pairs
    {
        private readonly Lock _lock = new();
        private TaskCompletionSource? _first;

        public Task MeetAsync()
        {
            lock (_lock)
            {
                if (_first is not { } first)
                {
                    _first = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                    return _first.Task;
                }

                _first = null;
                first.SetResult();
                return Task.CompletedTask;
            }
        }
    }
}
