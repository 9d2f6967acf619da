using WorkflowSessions.Contracts;

namespace WorkflowSessions.Architecture;

public sealed class TourTests
{
    [Test]
    public async Task Tour_prints_the_approved_text() =>
        Approved.Verify("Tour", await Repository.RunAsync("dotnet", Checkout.Root, Checkout.Built("Tour", "Tour.dll")));
}
