using Microsoft.AspNetCore.DataProtection;

// A basket in HttpContext.Session, as many applications have one. --framework runs it as it was; without that, one line of it has changed.
WebApplicationBuilder builder = WebApplication.CreateBuilder(args);
string redis = builder.Configuration["redis"] ?? "localhost:6379";
bool framework = args.Contains("--framework");
if (framework)
{
    // Before. The nodes of a farm must share the keys of the cookie.
    builder.Services.AddStackExchangeRedisCache(options => options.Configuration = redis).AddSession();
    builder
        .Services.AddDataProtection()
        .SetApplicationName("DropIn")
        .PersistKeysToFileSystem(new DirectoryInfo(builder.Configuration["keys"] ?? Path.GetTempPath()));
}
else
{
    // After.
    builder.Services.AddWorkflowSessions().AddRedisStore(redis).AddHttpContextSession();
}

WebApplication app = builder.Build();
if (framework)
{
    app.UseSession();
}

app.MapGet("/", () => Results.Content(Html, "text/html"));
app.MapGet(
    "/basket",
    (HttpContext context) => context.Session.Keys.Order().ToDictionary(item => item, item => context.Session.GetInt32(item))
);
app.MapPost(
    "/basket/{item}",
    (string item, HttpContext context) =>
    {
        context.Session.SetInt32(item, (context.Session.GetInt32(item) ?? 0) + 1);
        return "saved";
    }
);
app.Run();

internal static partial class Program
{
    // Both buttons of "both" are sent at the same time.
    private const string Html = """
        <!doctype html>
        <html lang="en">
          <title>Basket</title>
          <h1>Basket</h1>
          <button onclick="put('tea')">Tea</button>
          <button onclick="put('cup')">Cup</button>
          <button onclick="put('tea', 'cup')">Both at a time</button>
          <pre id="basket"></pre>
          <script>
            const basket = document.getElementById('basket');
            async function show() { basket.textContent = await (await fetch('/basket')).text(); }
            async function put(...items) {
              const answers = await Promise.all(items.map(item => fetch('/basket/' + item, { method: 'POST' })));
              await show();
              basket.textContent += '\n' + answers.map(answer => answer.status).join(' ');
            }
            show();
          </script>
        </html>
        """;
}
