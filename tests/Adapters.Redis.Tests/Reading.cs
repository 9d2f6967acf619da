namespace WorkflowSessions.Redis.Tests;

/// <summary>Reads what is stored after a fault, where a wait may be short and the machine busy.</summary>
internal static class Reading
{
    /// <summary>Loads a workflow, again and again until the store answers. The limit only ends a test that hangs.</summary>
    public static async Task<WorkflowSession> ReadAsync(Func<string, ISessionStore> open, string session, string workflowId = "checkout")
    {
        using CancellationTokenSource limit = new(TimeSpan.FromMinutes(3));
        while (true)
        {
            WorkflowSession workflow = new(open(session), workflowId);
            try
            {
                await workflow.LoadAsync(limit.Token);
                return workflow;
            }
            catch (SessionStoreException)
            {
                await Task.Delay(5, limit.Token);
            }
        }
    }
}
