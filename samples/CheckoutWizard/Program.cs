using CheckoutWizard;
using CheckoutWizard.Shop;
using WorkflowSessions;

WebApplicationBuilder builder = WebApplication.CreateBuilder(args);

// A port of its own, unless --urls names another.
builder.WebHost.UseSetting(WebHostDefaults.ServerUrlsKey, builder.Configuration["urls"] ?? "http://localhost:5080");
builder.Services.AddRazorPages();
builder.Services.AddSingleton(TimeProvider.System);
builder.Services.AddSingleton(new Node(builder.Configuration["node"]));

IWorkflowSessionsBuilder sessions = builder.Services.AddWorkflowSessions();
string? redis = builder.Configuration["redis"];
if (args.Contains("--distributed-cache"))
{
    if (redis is null)
    {
        builder.Services.AddDistributedMemoryCache();
    }
    else
    {
        builder.Services.AddStackExchangeRedisCache(options => options.Configuration = redis);
    }

    // The cart counts with UpdateAsync.
    sessions.AddDistributedCacheStore(options =>
    {
        options.AllowBestEffortUpdates = true;
        Configure(options);
    });
}
else if (redis is not null)
{
    sessions.AddRedisStore(redis, Configure);
}
else
{
    sessions.AddInMemoryStore(Configure);
}

WebApplication app = builder.Build();
app.UseExceptionHandler("/Unavailable/500");
app.UseStatusCodePagesWithReExecute("/Unavailable/{0}");
app.UseStaticFiles();
app.UseWorkflowSessions();
app.MapRazorPages();
app.Run();

// A registration may wait longer than a checkout. --idle 00:00:30 shows what a visitor sees when one expires.
void Configure(BufferedSessionStoreOptions options)
{
    options.IdleTimeout = builder.Configuration.GetValue("idle", options.IdleTimeout);
    options.Workflow(RegistrationWorkflow.Id, registration => registration.IdleTimeout = TimeSpan.FromHours(1));
}
