using BenchmarkDotNet.Attributes;

namespace WorkflowSessions.Benchmarks;

/// <summary>One request in memory, load, change and commit of a workflow of 20 entries: whatever else there is must not matter.</summary>
public class InMemoryBenchmarks
{
    private InMemorySessionStoreFactory _sessions = null!;

    [Params(0, 10, 99)]
    public int OtherWorkflows { get; set; }

    [Params(1_000, 1_000_000)]
    public int OtherSessions { get; set; }

    [GlobalSetup]
    public async Task SetupAsync()
    {
        _sessions = new InMemorySessionStoreFactory();
        long before = GC.GetTotalMemory(forceFullCollection: true);
        for (int i = 0; i < OtherSessions; i++)
        {
            await FillAsync($"other{i}", "checkout", 1);
        }

        long bytes = (GC.GetTotalMemory(forceFullCollection: true) - before) / OtherSessions;
        Console.WriteLine($"// {bytes} bytes per session of one workflow with one entry of 10 characters");

        for (int i = 0; i < OtherWorkflows; i++)
        {
            await FillAsync("session", $"other{i}", 20);
        }

        await FillAsync("session", "checkout", 20);
    }

    [Benchmark(Description = "load"), BenchmarkCategory("request")]
    public async Task<string?> LoadAsync()
    {
        WorkflowSession workflow = new(_sessions.Open("session"), "checkout");
        await workflow.LoadAsync();
        return workflow.Get<string>("field7");
    }

    [Benchmark(Description = "load, set, commit"), BenchmarkCategory("request")]
    public async Task LoadAndCommitAsync()
    {
        WorkflowSession workflow = new(_sessions.Open("session"), "checkout");
        await workflow.LoadAsync();
        workflow.Set("field7", "another value");
        await workflow.CommitAsync();
    }

    private async Task FillAsync(string sessionId, string workflowId, int entries)
    {
        WorkflowSession workflow = new(_sessions.Open(sessionId), workflowId);
        await workflow.LoadAsync();
        for (int i = 0; i < entries; i++)
        {
            workflow.Set($"field{i}", "some value");
        }

        await workflow.CommitAsync();
    }
}
