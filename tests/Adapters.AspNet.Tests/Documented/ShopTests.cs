using System.Net;
using Microsoft.AspNetCore.Mvc.Testing;
using Microsoft.AspNetCore.TestHost;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;

namespace WorkflowSessions.AspNetCore.Tests.Documented;

public sealed class ShopTests
{
    private readonly FakeTimeProvider _clock = new();
    private WebApplicationFactory<Program> _shop = null!;
    private HttpClient _visitor = null!;

    private InMemorySessionStoreFactory Store => (InMemorySessionStoreFactory)_shop.Services.GetRequiredService<ISessionStoreFactory>();

    [SetUp]
    public async Task SetUp()
    {
        _shop = new WebApplicationFactory<Program>().WithWebHostBuilder(host =>
            host.ConfigureTestServices(services => services.AddSingleton<TimeProvider>(_clock).ReplaceSessionStore())
        );
        // HTTPS, because the cookie of a session is Secure.
        _visitor = _shop.CreateClient(new WebApplicationFactoryClientOptions { BaseAddress = new Uri("https://localhost") });
        await _visitor.PostAsync(new Uri("/cart/book", UriKind.Relative), content: null);
    }

    [TearDown]
    public async Task TearDown()
    {
        _visitor.Dispose();
        await _shop.DisposeAsync();
    }

    [Test]
    public async Task Item_is_in_the_cart_in_the_next_request()
    {
        await _visitor.PostAsync(new Uri("/cart/pen", UriKind.Relative), content: null);
        Assert.That(await _visitor.GetStringAsync(new Uri("/cart", UriKind.Relative)), Is.EqualTo("2"));
    }

    [Test]
    public async Task Visitor_gets_503_when_it_is_unknown_whether_the_item_was_saved()
    {
        Store.FailNextCommit(mayBeStored: true);
        using HttpResponseMessage response = await _visitor.PostAsync(new Uri("/cart/pen", UriKind.Relative), content: null);
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.ServiceUnavailable));
        Assert.That(await _visitor.GetStringAsync(new Uri("/cart", UriKind.Relative)), Is.EqualTo("2"));
    }

    [Test]
    public async Task Cart_is_empty_after_the_idle_timeout()
    {
        _clock.Advance(TimeSpan.FromMinutes(21));
        Assert.That(await _visitor.GetStringAsync(new Uri("/cart", UriKind.Relative)), Is.EqualTo("0"));
    }
}
