using WorkflowSessions;
using WorkflowSessions.AspNetCore;

namespace TestedShop;

public static class Cart
{
    public static async Task<int> CountAsync(IWorkflowSessions workflows, CancellationToken cancellationToken) =>
        (await workflows.OpenAsync("cart", cancellationToken)).Count;

    public static async Task<string> AddAsync(string item, IWorkflowSessions workflows, CancellationToken cancellationToken)
    {
        WorkflowSession cart = await workflows.OpenAsync("cart", cancellationToken);
        cart.Set(item, cart.Get(item, 0) + 1);
        try
        {
            await workflows.CommitAsync(cancellationToken);
            return "saved";
        }
        catch (SessionStoreException error) when (!error.MayBeStored)
        {
            workflows.DiscardChanges();
            return "not saved";
        }
    }
}
