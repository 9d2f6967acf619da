using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace WorkflowSessions.AspNetCore.Tests;

/// <summary>A page of one visitor never comes out of a cache for another.</summary>
public sealed class CachingTests
{
    private readonly StoreOfTest _store = new();

    [TestCase(true)]
    [TestCase(false)]
    public async Task Output_cache_does_not_store_the_page_of_a_visitor(bool isInFront)
    {
        await using Application application = await Application.StartAsync(
            _store,
            app =>
            {
                if (!isInFront)
                {
                    app.UseOutputCache();
                }

                // The visitor is known by a header, so that the request has no cookie that would turn the cache off.
                app.MapGet(
                        "/basket",
                        async (IWorkflowSessions sessions, HttpRequest request) =>
                        {
                            await sessions.OpenAsync("checkout");
                            return $"of {request.Headers["X-Visitor"]}";
                        }
                    )
                    .CacheOutput(policy => policy.Expire(TimeSpan.FromMinutes(1)));
                app.MapGet("/public", (HttpRequest request) => $"of {request.Headers["X-Visitor"]}")
                    .CacheOutput(policy => policy.Expire(TimeSpan.FromMinutes(1)));
            },
            builder => builder.Services.AddOutputCache(),
            before: isInFront ? app => app.UseOutputCache() : null
        );
        Assert.That(await GetAsync(application, "/public", "alice"), Is.EqualTo("of alice"));
        Assert.That(await GetAsync(application, "/public", "bob"), Is.EqualTo("of alice"), "the cache works");
        Assert.That(await GetAsync(application, "/basket", "alice"), Is.EqualTo("of alice"));
        Assert.That(await GetAsync(application, "/basket", "bob"), Is.EqualTo("of bob"));
    }

    [Test]
    public async Task Response_cache_does_not_store_the_page_of_a_visitor()
    {
        await using Application application = await Application.StartAsync(
            _store,
            app =>
                app.MapGet(
                    "/basket",
                    async (IWorkflowSessions sessions, HttpContext context) =>
                    {
                        context.Response.Headers.CacheControl = "public, max-age=60";
                        await sessions.OpenAsync("checkout");
                        return $"of {context.Request.Headers["X-Visitor"]}";
                    }
                ),
            builder => builder.Services.AddResponseCaching(),
            before: app => app.UseResponseCaching()
        );
        Assert.That(await GetAsync(application, "/basket", "alice"), Is.EqualTo("of alice"));
        Assert.That(await GetAsync(application, "/basket", "bob"), Is.EqualTo("of bob"));
    }

    [Test]
    public async Task Response_that_used_HttpContext_session_is_not_cached()
    {
        await using SessionApplication application = await SessionApplication.StartAsync(
            SessionApplication.Ours,
            _store,
            new CacheOfTest()
        );
        using Browser browser = application.Browser();
        using HttpResponseMessage used = await browser.SendAsync(HttpMethod.Get, "/get/name");
        Assert.That(used.Headers.CacheControl?.NoStore, Is.True);
        using HttpResponseMessage unused = await browser.SendAsync(HttpMethod.Get, "/nothing");
        Assert.That(unused.Headers.CacheControl, Is.Null);
    }

    private static async Task<string> GetAsync(Application application, string path, string visitor)
    {
        using HttpClient client = application.Server.CreateClient();
        client.DefaultRequestHeaders.Add("X-Visitor", visitor);
        return await client.GetStringAsync(new Uri(path, UriKind.Relative));
    }
}
