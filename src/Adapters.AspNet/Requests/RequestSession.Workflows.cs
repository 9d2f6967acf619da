using Microsoft.AspNetCore.OutputCaching;

namespace WorkflowSessions.AspNetCore;

/// <content>Opening, listing and committing workflows.</content>
internal sealed partial class RequestSession
{
    public Task<WorkflowSession> OpenAsync(string workflowId)
    {
        lock (_gate)
        {
            ThrowIfNotRunning();
            DropIfFailed();
            if (_opened is null)
            {
                Observe();
                PreventCaching();
                _opened = new Dictionary<string, Task<WorkflowSession>>(StringComparer.Ordinal);
            }

            // One that has failed is tried again.
            if (_opened.TryGetValue(workflowId, out Task<WorkflowSession>? opening) && !opening.IsFaulted)
            {
                return opening;
            }

            return _opened[workflowId] = LoadAsync(workflowId);
        }
    }

    /// <summary>Opens the workflow of <c>HttpContext.Session</c>: the same for the rest of the request, also when it could not be loaded.</summary>
    public Task<WorkflowSession> OpenHttpSessionAsync()
    {
        lock (_gate)
        {
            ThrowIfNotRunning();
            DropIfFailed();
            return _httpSession ??= OpenAsync(HttpContextSession.WorkflowId);
        }
    }

    public async ValueTask<IReadOnlyList<WorkflowSummary>> ListAsync(CancellationToken cancellationToken)
    {
        BufferedSessionStore store = await ProveAsync(cancellationToken).ConfigureAwait(false);
        if (_identity.State != SessionState.Known)
        {
            return [];
        }

        // Verified after the list is read, so that nobody sees what came after his secret was replaced.
        IReadOnlyList<WorkflowSummary> workflows = await store.ListAsync(cancellationToken).ConfigureAwait(false);
        await store.VerifySecretAsync(cancellationToken).ConfigureAwait(false);
        return [.. workflows.Where(workflow => !string.Equals(workflow.Id, HttpContextSession.WorkflowId, StringComparison.Ordinal))];
    }

    public async ValueTask CommitAsync(CancellationToken cancellationToken)
    {
        List<WorkflowSession> changed;
        lock (_gate)
        {
            ThrowIfOver();
            changed =
            [
                .. (_opened?.Values ?? Enumerable.Empty<Task<WorkflowSession>>())
                    .Where(opening => opening.IsCompletedSuccessfully)
                    .Select(opening => opening.Result)
                    .Where(workflow => workflow.HasChanges),
            ];
        }

        if (changed.Count == 0)
        {
            return;
        }

        List<Task> commits = [];
        foreach (WorkflowSession workflow in changed)
        {
            Task commit = workflow.CommitAsync(cancellationToken).AsTask();
            commits.Add(commit);
            if (_identity.State == SessionState.New)
            {
                // The first one begins the session; the others can be under way together.
                await commit.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }

        await Task.WhenAll(commits).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        CommitFailures.ThrowIfAny(commits);
    }

    public async ValueTask CommitHttpSessionAsync(CancellationToken cancellationToken)
    {
        Task<WorkflowSession>? opening;
        lock (_gate)
        {
            ThrowIfOver();
            opening = _httpSession;
        }

        if (opening is not null)
        {
            await (await opening.ConfigureAwait(false)).CommitAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Commits what the request changed, unless it has failed: then all of it is dropped.</summary>
    public ValueTask CommitResponseAsync()
    {
        lock (_gate)
        {
            DropIfFailed();
        }

        // A client that disconnects does not tear a commit.
        return CommitAsync(CancellationToken.None);
    }

    private async Task<WorkflowSession> LoadAsync(string workflowId)
    {
        int drops = _drops;
        while (true)
        {
            BufferedSessionStore store;
            WorkflowSession workflow;
            lock (_gate)
            {
                store = Current();
                workflow = new WorkflowSession(store, workflowId);
            }

            try
            {
                // Shared by all who open it, so that none of them cancels it for the others.
                await workflow.LoadAsync(CancellationToken.None).ConfigureAwait(false);
                await AcceptAsync(store).ConfigureAwait(false);
                if (!HasMovedOn(store, drops))
                {
                    return workflow;
                }
            }
            catch (Exception error)
                when (error is WorkflowConflictException refusal ? IsRejected(store, refusal) : HasMovedOn(store, drops))
            {
                // The next cookie, or a new session.
            }
        }
    }

    /// <summary>Whether the request went on in another session while a workflow of this one was loaded.</summary>
    /// <exception cref="InvalidOperationException">It has given up all its workflows.</exception>
    private bool HasMovedOn(BufferedSessionStore store, int drops)
    {
        lock (_gate)
        {
            ThrowIfOver();
            if (drops != _drops)
            {
                throw new InvalidOperationException(
                    "The request gave up its workflows while this one was loaded: it failed, or called DiscardChanges or EndSessionAsync. Open the workflow again."
                );
            }

            return !ReferenceEquals(store, _store);
        }
    }

    /// <summary>Keeps caches from giving the page of one visitor to another. The application may set headers of its own afterwards.</summary>
    private void PreventCaching()
    {
        if (_isHub || _preventsCaching || _context is not { } context)
        {
            return;
        }

        _preventsCaching = true;
        if (context.Features.Get<IOutputCacheFeature>() is { } cache)
        {
            cache.Context.AllowCacheStorage = false;
        }

        if (!context.Response.HasStarted)
        {
            context.Response.Headers.CacheControl = "no-store";
        }
    }

    private void ThrowIfNotRunning()
    {
        ThrowIfOver();
        if (_isHub && _context is null)
        {
            throw new InvalidOperationException("A hub needs a connection over HTTP to belong to a session. This connection has none.");
        }

        if (!_isRunning)
        {
            throw new InvalidOperationException(
                "This request has not passed WorkflowSessions. Call app.UseWorkflowSessions() once, before UseEndpoints() where that is called; "
                    + "outside a request, open a session by its id with ISessionStoreFactory."
            );
        }
    }
}
