using WorkflowSessions.Contracts;

namespace CheckoutWizard.Tests;

/// <summary>The sample as a process of its own, as its users start it.</summary>
internal static class Shop
{
    public static Task<WebProcess> StartAsync(params string[] arguments) =>
        WebProcess.StartAsync(
            Checkout.Built("CheckoutWizard", "CheckoutWizard.dll"),
            Path.Combine(Checkout.Root, "samples", "CheckoutWizard"),
            arguments
        );
}
