using System.Runtime.CompilerServices;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Routing.Matching;

namespace WorkflowSessions.AspNetCore;

/// <summary>
/// Loads <c>HttpContext.Session</c> before the endpoint runs, where an earlier request of that endpoint had to wait for it with a thread. It is a part of
/// routing, because the middleware may come before that and does not know the endpoint then.
/// </summary>
internal sealed class HttpContextSessionPreloading : MatcherPolicy, IEndpointSelectorPolicy
{
    private static readonly object Learned = new();

    private readonly ConditionalWeakTable<Endpoint, object> _endpoints = [];

    /// <summary>Behind policies that replace endpoints, as Razor Pages do.</summary>
    public override int Order => int.MaxValue;

    public bool AppliesToEndpoints(IReadOnlyList<Endpoint> endpoints) => true;

    public void Learn(Endpoint? endpoint)
    {
        if (endpoint is not null)
        {
            _endpoints.TryAdd(SessionEndpointFeature.Unwrap(endpoint), Learned);
        }
    }

    /// <summary>Loads the session when routing has chosen the endpoint already, and it is known to use the session.</summary>
    public Task PreloadAsync(HttpContext context) =>
        context.GetEndpoint() is { } endpoint
        && IsLearned(endpoint)
        && context.Features.Get<ISessionFeature>() is HttpContextSession session
            ? session.PreloadAsync()
            : Task.CompletedTask;

    private bool IsLearned(Endpoint endpoint) => _endpoints.TryGetValue(SessionEndpointFeature.Unwrap(endpoint), out _);

    public Task ApplyAsync(HttpContext httpContext, CandidateSet candidates)
    {
        for (int i = 0; i < candidates.Count; i++)
        {
            if (candidates.IsValidCandidate(i) && IsLearned(candidates[i].Endpoint))
            {
                return httpContext.Features.Get<ISessionFeature>() is HttpContextSession session
                    ? session.PreloadAsync()
                    : Task.CompletedTask;
            }
        }

        return Task.CompletedTask;
    }
}
