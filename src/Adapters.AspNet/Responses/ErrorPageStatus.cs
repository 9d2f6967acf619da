using Microsoft.AspNetCore.Diagnostics;
using Microsoft.AspNetCore.Http;

namespace WorkflowSessions.AspNetCore;

/// <summary>
/// Where error pages are shown behind WorkflowSessions, a failure to load or to store has the status there that it has before them, 503 or 409; and what the
/// request changed is dropped also where the page is that of a developer.
/// </summary>
internal sealed class ErrorPageStatus : IExceptionHandler, IDeveloperPageExceptionFilter
{
    public ValueTask<bool> TryHandleAsync(HttpContext httpContext, Exception exception, CancellationToken cancellationToken)
    {
        SetStatus(httpContext, exception);
        return ValueTask.FromResult(false);
    }

    public Task HandleExceptionAsync(ErrorContext errorContext, Func<ErrorContext, Task> next)
    {
        errorContext.HttpContext.Features.Get<CommittingBody>()?.Fail();
        SetStatus(errorContext.HttpContext, errorContext.Exception);
        return next(errorContext);
    }

    private static void SetStatus(HttpContext context, Exception error)
    {
        if (error is SessionStoreException or WorkflowConflictException)
        {
            NotStored.SetStatus(context.Response, error);
        }
    }
}
