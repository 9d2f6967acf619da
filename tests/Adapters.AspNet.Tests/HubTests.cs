using System.IO.Pipelines;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http.Connections;
using Microsoft.AspNetCore.SignalR;
using Microsoft.AspNetCore.SignalR.Client;
using Microsoft.Extensions.DependencyInjection;

namespace WorkflowSessions.AspNetCore.Tests;

/// <summary>Workflows in the calls of a hub, which belong to the session of the request that opened the connection.</summary>
public sealed class HubTests
{
    private readonly StoreOfTest _store = new();

    [TestCase(HttpTransportType.WebSockets)]
    [TestCase(HttpTransportType.LongPolling)]
    public async Task Call_is_committed_at_its_end(HttpTransportType transport)
    {
        await using Application application = await StartAsync();
        using Browser browser = application.Browser();
        await browser.PostAsync("/set/checkout/step/1");
        await using HubConnection connection = await ConnectAsync(application, browser.Cookie, transport);
        Assert.That(await connection.InvokeAsync<string>("Next"), Is.EqualTo("2"));
        Assert.That(await browser.GetAsync("/get/checkout/step"), Is.EqualTo("2"));
        await browser.PostAsync("/set/checkout/step/8");
        Assert.That(await connection.InvokeAsync<string>("Next"), Is.EqualTo("9"), "each call loads anew");
    }

    [Test]
    public async Task Call_whose_changes_are_not_stored_fails()
    {
        await using Application application = await StartAsync();
        using Browser browser = application.Browser();
        await browser.PostAsync("/set/checkout/step/1");
        await using HubConnection connection = await ConnectAsync(application, browser.Cookie);
        _store.Before = call => call == "commit checkout" ? Task.FromException(new IOException("down")) : Task.CompletedTask;
        Assert.That(async () => await connection.InvokeAsync<string>("Next"), Throws.InstanceOf<HubException>());
        _store.Before = _ => Task.CompletedTask;
        Assert.That(async () => await connection.InvokeAsync<string>("Fail"), Throws.InstanceOf<HubException>());
        Assert.That(await browser.GetAsync("/get/checkout/step"), Is.EqualTo("1"), "a call that throws stores nothing");
    }

    [Test]
    public async Task Session_can_not_begin_in_a_hub()
    {
        await using Application application = await StartAsync();
        await using HubConnection connection = await ConnectAsync(application, cookie: null);
        Assert.That(async () => await connection.InvokeAsync<string>("Next"), Throws.InstanceOf<HubException>());
        Assert.That(_store.Calls, Is.Empty);
        Assert.That(application.Log.Messages, Has.Some.Contains("whose connection sends no cookies"));
    }

    [Test]
    public async Task Connection_of_before_a_sign_in_gets_nothing_any_more()
    {
        await using Application application = await StartAsync();
        using Browser browser = application.Browser();
        await browser.PostAsync("/set/checkout/step/1");
        await using HubConnection connection = await ConnectAsync(application, browser.Cookie);
        await browser.PostAsync("/sign-in");
        Assert.That(async () => await connection.InvokeAsync<string>("Next"), Throws.InstanceOf<HubException>());
        Assert.That(await browser.GetAsync("/get/checkout/step"), Is.EqualTo("1"));
    }

    [TestCase("Plain", "\"result\":\"ok\"")]
    [TestCase("Next", "\"error\":")]
    public async Task Hub_on_a_connection_without_http_works_as_long_as_it_opens_nothing(string method, string expected)
    {
        await using Application application = await StartAsync();
        Pipe toServer = new();
        Pipe toClient = new();
        await using DefaultConnectionContext connection = new("a") { Transport = new Duplex(toServer.Reader, toClient.Writer) };
        Task serving = application.Services.GetRequiredService<HubConnectionHandler<StepHub>>().OnConnectedAsync(connection);
        await toServer.Writer.WriteAsync("{\"protocol\":\"json\",\"version\":1}\u001e"u8.ToArray());
        await toServer.Writer.WriteAsync(
            Encoding.UTF8.GetBytes($"{{\"type\":1,\"invocationId\":\"1\",\"target\":\"{method}\",\"arguments\":[]}}\u001e")
        );
        string received = "";
        while (!received.Contains("\"type\":3", StringComparison.Ordinal))
        {
            ReadResult read = await toClient.Reader.ReadAsync();
            received += Encoding.UTF8.GetString(read.Buffer);
            toClient.Reader.AdvanceTo(read.Buffer.End);
            Assert.That(read.IsCompleted, Is.False, received);
        }

        Assert.That(received, Does.Contain(expected));
        Assert.That(_store.Calls, Is.Empty);
        await toServer.Writer.CompleteAsync();
        await serving;
    }

    private sealed class Duplex(PipeReader input, PipeWriter output) : IDuplexPipe
    {
        public PipeReader Input => input;

        public PipeWriter Output => output;
    }

    private async Task<Application> StartAsync() =>
        await Application.StartAsync(_store, app => app.MapHub<StepHub>("/hub"), builder => builder.Services.AddSignalR(), kestrel: true);

    private static async Task<HubConnection> ConnectAsync(
        Application application,
        string? cookie,
        HttpTransportType transport = HttpTransportType.WebSockets
    )
    {
        HubConnection connection = new HubConnectionBuilder()
            .WithUrl(
                new Uri(application.Address, "/hub"),
                transport,
                options =>
                {
                    if (cookie is not null)
                    {
                        options.Headers["Cookie"] = $"{Browser.CookieName}={cookie}";
                    }
                }
            )
            .Build();
        await connection.StartAsync();
        return connection;
    }
}
