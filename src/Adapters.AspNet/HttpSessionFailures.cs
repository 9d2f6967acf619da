using Microsoft.AspNetCore.Diagnostics;
using Microsoft.AspNetCore.Http;

namespace WorkflowSessions.AspNetCore;

/// <summary>Gives an error page that the application shows behind WorkflowSessions the status that the failure has before it: 503, or 409.</summary>
internal sealed class HttpSessionFailures : IExceptionHandler, IDeveloperPageExceptionFilter
{
    public ValueTask<bool> TryHandleAsync(HttpContext httpContext, Exception exception, CancellationToken cancellationToken)
    {
        SetStatus(httpContext, exception);
        return ValueTask.FromResult(false);
    }

    public Task HandleExceptionAsync(ErrorContext errorContext, Func<ErrorContext, Task> next)
    {
        SetStatus(errorContext.HttpContext, errorContext.Exception);
        return next(errorContext);
    }

    private static void SetStatus(HttpContext context, Exception error)
    {
        if (error is SessionStoreException or WorkflowConflictException)
        {
            context.Response.StatusCode = NotStored.StatusOf(error);
        }
    }
}
