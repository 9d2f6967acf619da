using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.FileProviders;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Microsoft.Net.Http.Headers;

namespace WorkflowSessions.AspNetCore;

/// <summary>The visitor of a unit test: the store, and the cookie that all tabs of a browser share.</summary>
internal sealed class TestVisitor
{
    private readonly RequestSessionServices _services;
    private string? _cookie;

    public TestVisitor(InMemorySessionStoreOptions? options)
    {
        options ??= new InMemorySessionStoreOptions();
        options.VerifyValues ??= true;
        Store = new InMemorySessionStoreFactory(options);
        IOptions<WorkflowSessionsOptions> defaults = Options.Create(new WorkflowSessionsOptions());
        ILoggerFactory loggers = options.LoggerFactory ?? NullLoggerFactory.Instance;
        SessionCookies cookies = new(defaults, new TestEnvironment(), loggers);
        _services = new RequestSessionServices(Store, cookies, defaults, loggers, options.TimeProvider);
    }

    public InMemorySessionStoreFactory Store { get; }

    /// <summary>Whether the browser has the cookie of a session.</summary>
    public bool HasCookie => _cookie is not null;

    /// <summary>Begins a request with the cookie of the browser.</summary>
    public TestRequest BeginRequest()
    {
        DefaultHttpContext context = new();
        // A cookie with the prefix __Host- goes over HTTPS only.
        context.Request.Scheme = "https";
        context.Request.Host = new HostString("localhost");
        context.Request.Headers.Cookie = _cookie;
        return new TestRequest(context, _services);
    }

    /// <summary>Takes over the cookie that a response sets or deletes.</summary>
    public void Take(HttpResponse response)
    {
        foreach (SetCookieHeaderValue cookie in SetCookieHeaderValue.ParseList([.. response.Headers.SetCookie.OfType<string>()]))
        {
            _cookie = cookie.Value.Length == 0 ? null : $"{cookie.Name}={cookie.Value}";
        }
    }

    private sealed class TestEnvironment : IHostEnvironment
    {
        public string EnvironmentName { get; set; } = Environments.Production;

        public string ApplicationName { get; set; } = "test";

        public string ContentRootPath { get; set; } = "";

        public IFileProvider ContentRootFileProvider { get; set; } = new NullFileProvider();
    }
}
