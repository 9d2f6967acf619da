using System.Runtime.CompilerServices;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Routing;

namespace WorkflowSessions.AspNetCore;

/// <summary>
/// Wraps the endpoint that routing chooses, wherever routing stands in the pipeline: the commit of a request belongs inside its error handlers, and an exception
/// of its endpoint is seen even where a middleware makes a response of it.
/// </summary>
internal sealed class SessionEndpointFeature : IEndpointFeature
{
    private static readonly ConditionalWeakTable<Endpoint, Endpoint> Wrapped = [];

    /// <summary>Takes over the endpoint that is chosen already.</summary>
    public SessionEndpointFeature(Endpoint? chosen) => Endpoint = chosen;

    public Endpoint? Endpoint
    {
        get;
        set => field = value is { RequestDelegate: not null } ? Wrapped.GetValue(value, Wrap) : value;
    }

    /// <summary>The endpoint that was wrapped; the same where none was.</summary>
    public static Endpoint Unwrap(Endpoint endpoint) => endpoint.Metadata.GetMetadata<Original>()?.Endpoint ?? endpoint;

    private static Endpoint Wrap(Endpoint endpoint)
    {
        if (endpoint.Metadata.GetMetadata<Original>() is not null)
        {
            return endpoint;
        }

        RequestDelegate original = endpoint.RequestDelegate!;
        EndpointMetadataCollection metadata = new([.. endpoint.Metadata, new Original(endpoint)]);
        return endpoint is RouteEndpoint route
            ? new RouteEndpoint(RunAsync, route.RoutePattern, route.Order, metadata, route.DisplayName)
            : new Endpoint(RunAsync, metadata, endpoint.DisplayName);

        async Task RunAsync(HttpContext context)
        {
            if (context.Features.Get<CommittingBody>() is not { } body)
            {
                await original(context).ConfigureAwait(false);
                return;
            }

            body.BeginEndpoint();
            try
            {
                await original(context).ConfigureAwait(false);
                await body.CommitAsync().ConfigureAwait(false);
            }
            catch
            {
                body.Fail();
                throw;
            }
        }
    }

    private sealed class Original(Endpoint endpoint)
    {
        public Endpoint Endpoint => endpoint;
    }
}
