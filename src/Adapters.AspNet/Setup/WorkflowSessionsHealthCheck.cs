using System.Security.Cryptography;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace WorkflowSessions.AspNetCore;

/// <summary>Whether the store stores: a workflow of a session of its own is written, read and ended.</summary>
internal sealed class WorkflowSessionsHealthCheck(ISessionStoreFactory stores) : IHealthCheck
{
    private const string Probe = "health";

    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        if (stores is InMemorySessionStoreFactory)
        {
            // A session of the check would take a visitor's place in a store with MaxSessions, or be refused in a full one.
            return HealthCheckResult.Healthy("The sessions are in the memory of this process.");
        }

        try
        {
            string sessionId = $"health-{RandomNumberGenerator.GetHexString(32)}";
            WorkflowSession written = new(stores.Open(sessionId), Probe);
            await written.LoadAsync(cancellationToken).ConfigureAwait(false);
            written.Set(Probe, value: true);
            await written.CommitAsync(cancellationToken).ConfigureAwait(false);
            WorkflowSession read = new(stores.Open(sessionId), Probe);
            await read.LoadAsync(cancellationToken).ConfigureAwait(false);
            bool stored = read.Get<bool>(Probe);
            read.End();
            await read.CommitAsync(cancellationToken).ConfigureAwait(false);
            return stored
                ? HealthCheckResult.Healthy()
                : new HealthCheckResult(context.Registration.FailureStatus, "What was stored was not there.");
        }
        catch (WorkflowSessionException error)
        {
            return new HealthCheckResult(context.Registration.FailureStatus, error.Message, error);
        }
    }
}
