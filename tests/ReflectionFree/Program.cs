using WorkflowSessions;
using WorkflowSessions.AspNetCore;

// An application in which System.Text.Json can't use reflection. --redis names the server; without it, sessions are in memory.
WebApplicationBuilder builder = WebApplication.CreateBuilder(args);
IWorkflowSessionsBuilder sessions = builder.Services.AddWorkflowSessions();
if (builder.Configuration["redis"] is { } redis)
{
    sessions.AddRedisStore(redis);
}
else
{
    sessions.AddInMemoryStore();
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
app.Run();
