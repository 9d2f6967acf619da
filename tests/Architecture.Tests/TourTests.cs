namespace WorkflowSessions.Architecture;

public sealed class TourTests
{
    [Test]
    public async Task Tour_prints_the_approved_text() =>
        Approved.Verify("Tour", await Repository.RunAsync("dotnet", Repository.Root, Repository.Built("Tour", "Tour.dll")));
}
