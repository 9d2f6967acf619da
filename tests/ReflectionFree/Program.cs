using System.Text.Json;
using WorkflowSessions;
using WorkflowSessions.AspNetCore;
using WorkflowSessions.ReflectionFree;

// An application in which System.Text.Json can't use reflection. --redis names the server; without it, sessions are in memory.
WebApplicationBuilder builder = WebApplication.CreateBuilder(args);
IWorkflowSessionsBuilder sessions = builder.Services.AddWorkflowSessions();
if (builder.Configuration["redis"] is { } redis)
{
    sessions.AddRedisStore(redis);
}
else
{
    sessions.AddInMemoryStore(options =>
    {
        options.Serializer = new JsonSessionSerializer(new JsonSerializerOptions { TypeInfoResolver = StoredTypes.Default });
        options.VerifyValues = true;
    });
}

WebApplication app = builder.Build();
app.UseWorkflowSessions();
app.MapPost(
    "/set",
    async (HttpContext context) =>
    {
        IWorkflowSessions workflows = context.RequestServices.GetRequiredService<IWorkflowSessions>();
        (await workflows.OpenAsync("checkout")).Set("step", 1);
    }
);
app.MapPost(
    "/sign-in",
    async (HttpContext context) =>
    {
        IWorkflowSessions workflows = context.RequestServices.GetRequiredService<IWorkflowSessions>();
        await workflows.RegenerateIdAsync();
    }
);
app.MapPost(
    "/objects",
    async (HttpContext context) =>
    {
        IWorkflowSessions workflows = context.RequestServices.GetRequiredService<IWorkflowSessions>();
        WorkflowSession workflow = await workflows.OpenAsync("checkout");
        workflow.Set("line", new Line("tea", 2));
        string refusal = Refusal(() => workflow.Set("pairs", new List<(int, int)>()));
        string options = Refusal(() => _ = new JsonSessionSerializer(new JsonSerializerOptions()));
        await context.Response.WriteAsync($"{workflow.Get<Line>("line")}\n{refusal}\n{options}");
    }
);
app.Run();

static string Refusal(Action action)
{
    try
    {
        action();
        return "";
    }
    catch (Exception error)
    {
        return $"{error.GetType().Name}: {error.Message}";
    }
}
