using TestedShop;

WebApplicationBuilder builder = WebApplication.CreateBuilder(args);
builder.Services.AddSingleton(TimeProvider.System);
builder.Services.AddWorkflowSessions().AddRedisStore(builder.Configuration["redis"] ?? "localhost:6379");
WebApplication app = builder.Build();
app.UseWorkflowSessions();
app.MapGet("/cart", Cart.CountAsync);
app.MapPost("/cart/{item}", Cart.AddAsync);
app.Run();
