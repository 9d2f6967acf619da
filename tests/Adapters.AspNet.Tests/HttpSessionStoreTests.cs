using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Caching.Distributed;
using Microsoft.Extensions.DependencyInjection;

namespace WorkflowSessions.AspNetCore.Tests;

/// <summary>Workflows in the session of the framework, in a web application.</summary>
public sealed class HttpSessionStoreTests
{
    [Test]
    public async Task Workflows_are_in_the_session_of_the_application()
    {
        await using Application application = await StartAsync();
        using HttpClient client = Client(application);
        Assert.That(await client.GetStringAsync(new Uri("/step", UriKind.Relative)), Is.EqualTo("1"));
        Assert.That(await client.GetStringAsync(new Uri("/step", UriKind.Relative)), Is.EqualTo("2"));
        string[] slots = (await client.GetStringAsync(new Uri("/slots", UriKind.Relative))).Split(' ');
        Assert.That(slots, Is.EquivalentTo(new[] { "__checkout_last_modified", "workflow_checkout_step" }));
    }

    [Test]
    public async Task Session_that_can_not_be_loaded_is_an_error_and_never_empty()
    {
        await using HttpSessionHarness harness = new(new CacheThatIsDown());
        WorkflowSession workflow = new(harness.Open("alice"), "checkout");
        Assert.That(async () => await workflow.LoadAsync(), Throws.InstanceOf<SessionStoreException>());
        Assert.That(() => workflow.Get<int>("step"), Throws.InvalidOperationException);
        ISession unavailable = new UnavailableSession();
        WorkflowSession other = new(new HttpSessionStore(unavailable), "checkout");
        Assert.That(
            async () => await other.LoadAsync(),
            Throws.InstanceOf<SessionStoreException>().With.Message.Contains("could not be loaded").And.Property("MayBeStored").False
        );
    }

    [Test]
    public async Task What_others_keep_in_the_session_is_left_alone()
    {
        await using HttpSessionHarness harness = new();
        ISession session = harness.Session("alice");
        await session.LoadAsync();
        session.SetString("theirs", "x");
        session.SetString("workflow_checkout_raw", "?");
        await session.CommitAsync();
        WorkflowSession workflow = new(new HttpSessionStore(harness.Session("alice")), "checkout");
        await workflow.LoadAsync();
        Assert.That(() => workflow.Get<string>("raw"), Throws.InstanceOf<WorkflowValueException>());
        workflow.Set("step", 1);
        workflow.End();
        await workflow.CommitAsync();
        session = harness.Session("alice");
        await session.LoadAsync();
        Assert.That(session.Keys, Is.EqualTo(new[] { "theirs" }));
    }

    [Test]
    public void Null_and_bad_options_are_refused()
    {
        Assert.That(() => new HttpSessionStore(null!), Throws.ArgumentNullException);
        Assert.That(
            () => new HttpSessionStore(new UnavailableSession(), new BufferedSessionStoreOptions { MaxEntries = 0 }),
            Throws.ArgumentException
        );
    }

    private static async Task<Application> StartAsync() =>
        await Application.StartAsync(
            new StoreOfTest(),
            app =>
            {
                app.MapGet(
                    "/step",
                    async (HttpContext context) =>
                    {
                        WorkflowSession checkout = new(new HttpSessionStore(context.Session), "checkout");
                        await checkout.LoadAsync();
                        checkout.Set("step", checkout.Get("step", 0) + 1);
                        await checkout.CommitAsync();
                        return checkout.Get<int>("step");
                    }
                );
                app.MapGet("/slots", (HttpContext context) => string.Join(' ', context.Session.Keys));
            },
            builder => builder.Services.AddDistributedMemoryCache().AddSession(),
            before: app => app.UseSession()
        );

    private static HttpClient Client(Application application)
    {
        HttpClient client = new(new Cookies(application.Server.CreateHandler())) { BaseAddress = new Uri("https://localhost") };
        return client;
    }

    /// <summary>Sends back whatever cookies it gets.</summary>
    private sealed class Cookies(HttpMessageHandler inner) : DelegatingHandler(inner)
    {
        private readonly System.Net.CookieContainer _cookies = new();

        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            if (_cookies.Count > 0)
            {
                request.Headers.Add("Cookie", _cookies.GetCookieHeader(request.RequestUri!));
            }

            HttpResponseMessage response = await base.SendAsync(request, cancellationToken);
            foreach (string cookie in response.Headers.TryGetValues("Set-Cookie", out IEnumerable<string>? values) ? values : [])
            {
                _cookies.SetCookies(request.RequestUri!, cookie);
            }

            return response;
        }
    }

    private sealed class CacheThatIsDown : IDistributedCache
    {
        public byte[]? Get(string key) => throw new IOException("down");

        public Task<byte[]?> GetAsync(string key, CancellationToken token = default) => throw new IOException("down");

        public void Refresh(string key) => throw new IOException("down");

        public Task RefreshAsync(string key, CancellationToken token = default) => throw new IOException("down");

        public void Remove(string key) => throw new IOException("down");

        public Task RemoveAsync(string key, CancellationToken token = default) => throw new IOException("down");

        public void Set(string key, byte[] value, DistributedCacheEntryOptions options) => throw new IOException("down");

        public Task SetAsync(string key, byte[] value, DistributedCacheEntryOptions options, CancellationToken token = default) =>
            throw new IOException("down");
    }

    private sealed class UnavailableSession : ISession
    {
        public bool IsAvailable => false;

        public string Id => "none";

        public IEnumerable<string> Keys => [];

        public void Clear() => throw new InvalidOperationException("It is not available.");

        public Task CommitAsync(CancellationToken cancellationToken = default) => Task.CompletedTask;

        public Task LoadAsync(CancellationToken cancellationToken = default) => Task.CompletedTask;

        public void Remove(string key) => throw new InvalidOperationException("It is not available.");

        public void Set(string key, byte[] value) => throw new InvalidOperationException("It is not available.");

        public bool TryGetValue(string key, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out byte[]? value)
        {
            value = null;
            return false;
        }
    }
}
