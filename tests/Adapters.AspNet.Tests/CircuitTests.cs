using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Components.Web;
using Microsoft.AspNetCore.Http.Connections;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.SignalR;
using Microsoft.AspNetCore.SignalR.Client;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using WorkflowSessions.AspNetCore.Tests.Documented;

namespace WorkflowSessions.AspNetCore.Tests;

/// <summary>A Blazor circuit outlives the request that opened its connection.</summary>
public sealed class CircuitTests
{
    [TestCase(HttpTransportType.WebSockets)]
    [TestCase(HttpTransportType.LongPolling)]
    [TestCase(HttpTransportType.ServerSentEvents)]
    public async Task Circuit_is_told_to_open_a_session_by_an_id_of_its_own(HttpTransportType transport)
    {
        await using Application application = await Application.StartAsync(
            new StoreOfTest(),
            app => app.MapHub<CircuitHub>("/circuit"),
            builder => builder.Services.AddSignalR(),
            kestrel: true
        );
        using Browser browser = application.Browser();
        await browser.PostAsync("/set/checkout/step/1");
        await using HubConnection connection = new HubConnectionBuilder()
            .WithUrl(
                new Uri(application.Address, "/circuit"),
                transport,
                options => options.Headers["Cookie"] = $"{Browser.CookieName}={browser.Cookie}"
            )
            .Build();
        await connection.StartAsync();
        Assert.That(
            await connection.InvokeAsync<string>(nameof(CircuitHub.OpenAsync)),
            Does.Contain("Blazor circuit").And.Contain("ISessionStoreFactory")
        );
        Assert.That(await browser.GetAsync("/get/checkout/step"), Is.EqualTo("1"));
    }

    [Test]
    public async Task Connection_of_a_circuit_is_known_by_its_endpoint()
    {
        await using Application application = await Application.StartAsync(
            new StoreOfTest(),
            app => app.MapBlazorHub(),
            builder => builder.Services.AddRazorComponents().AddInteractiveServerComponents()
        );
        HubMetadata?[] hubs =
        [
            .. application
                .Services.GetRequiredService<EndpointDataSource>()
                .Endpoints.OfType<RouteEndpoint>()
                .Where(endpoint => string.Equals(endpoint.RoutePattern.RawText, "/_blazor", StringComparison.Ordinal))
                .Select(endpoint => endpoint.Metadata.GetMetadata<HubMetadata>()),
        ];
        Assert.That(hubs.Select(hub => hub?.HubType.Name), Is.EqualTo(new[] { "ComponentHub" }));
    }

    [Test]
    public async Task Circuit_and_page_share_the_session_whose_id_the_page_made()
    {
        await using Application application = await Application.StartAsync(
            new StoreOfTest(),
            app => app.MapGet("/import", () => new RazorComponentResult<ImportPage>()),
            builder => builder.Services.AddRazorComponents().AddInteractiveServerComponents()
        );
        using Browser browser = application.Browser();
        string page = await browser.GetAsync("/import");
        string sessionId = await browser.GetAsync("/get/import-page/session");
        Assert.That(sessionId, Has.Length.EqualTo(64));
        Assert.That(page, Does.Contain("Rows: 0").And.Contain("descriptor").And.Not.Contain(sessionId), "the parameter is encrypted");

        await ClickAsync(application.Services, sessionId);
        Assert.That(await browser.GetAsync("/import"), Does.Contain("Rows: 1"));
        using Browser other = application.Browser();
        Assert.That(await other.GetAsync("/import"), Does.Contain("Rows: 0"));
    }

    /// <summary>Renders the form outside a request and in a scope of its own, as a circuit does, and clicks.</summary>
    private static async Task ClickAsync(IServiceProvider services, string sessionId)
    {
        Activator activator = new();
        ServiceCollection circuit = new();
        circuit.AddLogging().AddSingleton<IComponentActivator>(activator).AddSingleton(services.GetRequiredService<ISessionStoreFactory>());
        await using ServiceProvider scope = circuit.BuildServiceProvider();
        await using HtmlRenderer renderer = new(scope, scope.GetRequiredService<ILoggerFactory>());
        await renderer.Dispatcher.InvokeAsync(async () =>
        {
            await renderer.RenderComponentAsync<ImportForm>(
                ParameterView.FromDictionary(new Dictionary<string, object?> { [nameof(ImportForm.SessionId)] = sessionId })
            );
            await activator.Form!.AddRowAsync();
        });
    }

    private sealed class Activator : IComponentActivator
    {
        public ImportForm? Form { get; private set; }

        public IComponent CreateInstance(Type componentType) => Form = new ImportForm();
    }
}
