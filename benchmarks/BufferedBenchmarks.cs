using BenchmarkDotNet.Attributes;

namespace WorkflowSessions.Benchmarks;

/// <summary>A loaded workflow of a store that buffers, against a dictionary with the short keys.</summary>
public class BufferedBenchmarks
{
    private readonly Dictionary<string, object?> _bare = [];
    private WorkflowSession _workflow = null!;
    private string[] _keys = [];
    private string _key = "";

    [Params(5, 20, 200)]
    public int Entries { get; set; }

    [GlobalSetup]
    public async Task SetupAsync()
    {
        _keys = [.. Enumerable.Range(0, Entries).Select(i => $"field{i}")];
        _key = _keys[Entries / 2];
        _workflow = new WorkflowSession(new InMemorySessionStoreFactory().Open("session"), "checkout");
        await _workflow.LoadAsync();
        foreach (string key in _keys)
        {
            _workflow.Set(key, "some value");
            _bare[key] = "some value";
        }

        await _workflow.CommitAsync();
        await _workflow.LoadAsync();
    }

    [Benchmark(Baseline = true, Description = "dictionary"), BenchmarkCategory("get")]
    public string? GetBare() => _bare.TryGetValue(_key, out object? value) ? (string?)value : null;

    [Benchmark(Description = "WorkflowSession"), BenchmarkCategory("get")]
    public string? Get() => _workflow.Get<string>(_key);

    [Benchmark(Baseline = true, Description = "dictionary"), BenchmarkCategory("has")]
    public bool HasBare() => _bare.ContainsKey(_key);

    [Benchmark(Description = "WorkflowSession"), BenchmarkCategory("has")]
    public bool Has() => _workflow.Has(_key);

    [Benchmark(Baseline = true, Description = "dictionary, neither encoded nor stamped"), BenchmarkCategory("set")]
    public void SetBare() => _bare[_key] = "another value";

    [Benchmark(Description = "WorkflowSession"), BenchmarkCategory("set")]
    public void Set() => _workflow.Set(_key, "another value");

    [Benchmark(Baseline = true, Description = "dictionary"), BenchmarkCategory("get all")]
    public Dictionary<string, object?> GetAllBare() => new(_bare);

    [Benchmark(Description = "WorkflowSession"), BenchmarkCategory("get all")]
    public IReadOnlyDictionary<string, object?> GetAll() => _workflow.GetAll();

    [Benchmark(Baseline = true, Description = "dictionary, neither encoded nor stamped"), BenchmarkCategory("set all and clear")]
    public void ClearBare()
    {
        foreach (string key in _keys)
        {
            _bare[key] = "some value";
        }

        _bare.Clear();
    }

    [Benchmark(Description = "WorkflowSession"), BenchmarkCategory("set all and clear")]
    public void Clear()
    {
        foreach (string key in _keys)
        {
            _workflow.Set(key, "some value");
        }

        _workflow.Clear();
    }
}
