using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.SignalR;

namespace WorkflowSessions.AspNetCore;

/// <summary>
/// The <see cref="IWorkflowSessions"/> of a service scope: the session of the request that the scope was made in. A request may have several scopes, as for an
/// error page; they share its session. Whoever keeps this longer than the request runs gets an exception, and never another visitor's session.
/// </summary>
internal sealed class ScopedWorkflowSessions : IWorkflowSessions, IDisposable
{
    private RequestSession? _session;
    private bool _isOwned;

    public ScopedWorkflowSessions(IHttpContextAccessor accessor)
    {
        // The connection of a hub is one long request. Each call gets a session of its own by Use(); a Blazor circuit gets none, because nothing would commit it.
        if (accessor.HttpContext is { } context && context.GetEndpoint()?.Metadata.GetMetadata<HubMetadata>() is null)
        {
            RequestSession session = RequestSession.Of(context);
            // The request may have ended meanwhile, when this runs in a background task: then it is not certain whose session that is.
            if (ReferenceEquals(accessor.HttpContext, context))
            {
                session.Observe();
                _session = session;
            }
        }
    }

    private RequestSession Session =>
        _session
        ?? throw new InvalidOperationException(
            "There is no request here, and so no session. Call app.UseWorkflowSessions() and use IWorkflowSessions in a request; outside a request, as in a "
                + "Blazor circuit, open a session by an id of its own with ISessionStoreFactory."
        );

    /// <summary>Belongs to the call of a hub from now on, until the scope of the call ends.</summary>
    public void Use(RequestSession session)
    {
        _session = session;
        _isOwned = true;
    }

    public void Dispose()
    {
        if (_isOwned)
        {
            _session?.Dispose();
        }
    }

    public ValueTask<WorkflowSession> OpenAsync(string workflowId, CancellationToken cancellationToken = default)
    {
        ThrowIfReserved(workflowId);
        cancellationToken.ThrowIfCancellationRequested();
        Task<WorkflowSession> opening = Session.OpenAsync(workflowId);
        return new ValueTask<WorkflowSession>(opening.IsCompleted ? opening : opening.WaitAsync(cancellationToken));
    }

    public ValueTask<IReadOnlyList<WorkflowSummary>> ListAsync(CancellationToken cancellationToken = default) =>
        Session.ListAsync(cancellationToken);

    public ValueTask CommitAsync(CancellationToken cancellationToken = default) => Session.CommitAsync(cancellationToken);

    public void DiscardChanges() => Session.DiscardChanges();

    public ValueTask RegenerateIdAsync(CancellationToken cancellationToken = default) =>
        Session.RegenerateIdAsync(userId: null, cancellationToken);

    public ValueTask RegenerateIdAsync(string userId, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(userId);
        return Session.RegenerateIdAsync(userId, cancellationToken);
    }

    public ValueTask EndSessionAsync(CancellationToken cancellationToken = default) => Session.EndSessionAsync(cancellationToken);

    /// <summary>Refuses the ids that are not the application's.</summary>
    public static void ThrowIfReserved(string workflowId)
    {
        ArgumentException.ThrowIfNullOrEmpty(workflowId);
        if (string.Equals(workflowId, SessionSecret.WorkflowId, StringComparison.Ordinal))
        {
            throw new ArgumentException($"'{workflowId}' is the session's own. Choose another id.", nameof(workflowId));
        }

        if (string.Equals(workflowId, HttpContextSession.WorkflowId, StringComparison.Ordinal))
        {
            throw new ArgumentException($"'{workflowId}' is HttpContext.Session. Choose another id.", nameof(workflowId));
        }
    }
}
