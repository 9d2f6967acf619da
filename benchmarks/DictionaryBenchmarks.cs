using BenchmarkDotNet.Attributes;

namespace WorkflowSessions.Benchmarks;

/// <summary>One workflow of 20 entries in a dictionary that others share, against code written by hand and against a dictionary of its own.</summary>
public class DictionaryBenchmarks
{
    private const int Entries = 20;
    private const string Id = "checkout";

    private static readonly string[] Keys = [.. Enumerable.Range(0, Entries).Select(i => $"field{i}")];

    private readonly Dictionary<string, object?> _session = [];
    private readonly Dictionary<string, object?> _bare = [];
    private WorkflowSession _workflow = null!;
    private string _id = Id;
    private string _key = Keys[7];

    [Params(200, 1000)]
    public int OtherEntries { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        for (int i = 0; i < OtherEntries; i++)
        {
            new WorkflowSession(_session, $"other{i / Entries}").Set($"field{i % Entries}", "some value");
        }

        _workflow = new WorkflowSession(_session, Id);
        foreach (string key in Keys)
        {
            _workflow.Set(key, "some value");
            _bare[key] = "some value";
        }
    }

    [Benchmark(Baseline = true, Description = "by hand"), BenchmarkCategory("get")]
    public string? GetByHand() => _session.TryGetValue($"workflow_{_id}_{_key}", out object? value) ? (string?)value : null;

    [Benchmark(Description = "WorkflowSession"), BenchmarkCategory("get")]
    public string? Get() => _workflow.Get<string>(_key);

    [Benchmark(Description = "dictionary of its own"), BenchmarkCategory("get")]
    public string? GetBare() => _bare.TryGetValue(_key, out object? value) ? (string?)value : null;

    [Benchmark(Baseline = true, Description = "by hand"), BenchmarkCategory("get, absent")]
    public string? MissByHand() => _session.TryGetValue($"workflow_{_id}_{"absent"}", out object? value) ? (string?)value : null;

    [Benchmark(Description = "WorkflowSession"), BenchmarkCategory("get, absent")]
    public string? Miss() => _workflow.Get<string>("absent");

    [Benchmark(Description = "dictionary of its own"), BenchmarkCategory("get, absent")]
    public string? MissBare() => _bare.TryGetValue("absent", out object? value) ? (string?)value : null;

    [Benchmark(Baseline = true, Description = "by hand"), BenchmarkCategory("has")]
    public bool HasByHand() => _session.ContainsKey($"workflow_{_id}_{_key}");

    [Benchmark(Description = "WorkflowSession"), BenchmarkCategory("has")]
    public bool Has() => _workflow.Has(_key);

    [Benchmark(Description = "dictionary of its own"), BenchmarkCategory("has")]
    public bool HasBare() => _bare.ContainsKey(_key);

    [Benchmark(Baseline = true, Description = "by hand"), BenchmarkCategory("set, existing")]
    public void SetByHand() => SetByHand(_key, "another value");

    [Benchmark(Description = "WorkflowSession"), BenchmarkCategory("set, existing")]
    public void Set() => _workflow.Set(_key, "another value");

    [Benchmark(Description = "dictionary of its own, no stamp"), BenchmarkCategory("set, existing")]
    public void SetBare() => _bare[_key] = "another value";

    [Benchmark(Baseline = true, Description = "by hand"), BenchmarkCategory("set, new, and delete")]
    public bool SetAndDeleteByHand()
    {
        SetByHand("new", "a value");
        bool removed = _session.Remove($"workflow_{_id}_{"new"}");
        _session[$"__{_id}_last_modified"] = Now();
        return removed;
    }

    [Benchmark(Description = "WorkflowSession"), BenchmarkCategory("set, new, and delete")]
    public bool SetAndDelete()
    {
        _workflow.Set("new", "a value");
        return _workflow.Delete("new");
    }

    [Benchmark(Description = "dictionary of its own, no stamp"), BenchmarkCategory("set, new, and delete")]
    public bool SetAndDeleteBare()
    {
        _bare["new"] = "a value";
        return _bare.Remove("new");
    }

    [Benchmark(Baseline = true, Description = "by hand"), BenchmarkCategory("get all")]
    public Dictionary<string, object?> GetAllByHand()
    {
        string prefix = $"workflow_{_id}_";
        Dictionary<string, object?> all = [];
        foreach ((string slot, object? value) in _session)
        {
            if (slot.StartsWith(prefix, StringComparison.Ordinal))
            {
                all[slot[prefix.Length..]] = value;
            }
        }

        return all;
    }

    [Benchmark(Description = "WorkflowSession"), BenchmarkCategory("get all")]
    public IReadOnlyDictionary<string, object?> GetAll() => _workflow.GetAll();

    [Benchmark(Description = "dictionary of its own"), BenchmarkCategory("get all")]
    public Dictionary<string, object?> GetAllBare() => new(_bare);

    [Benchmark(Baseline = true, Description = "by hand"), BenchmarkCategory("set 20 and clear")]
    public void ClearByHand()
    {
        foreach (string key in Keys)
        {
            SetByHand(key, "some value");
        }

        string prefix = $"workflow_{_id}_";
        foreach (string slot in _session.Keys.Where(slot => slot.StartsWith(prefix, StringComparison.Ordinal)).ToList())
        {
            _session.Remove(slot);
        }

        _session[$"__{_id}_last_modified"] = Now();
    }

    [Benchmark(Description = "WorkflowSession"), BenchmarkCategory("set 20 and clear")]
    public void Clear()
    {
        foreach (string key in Keys)
        {
            _workflow.Set(key, "some value");
        }

        _workflow.Clear();
    }

    [Benchmark(Description = "dictionary of its own, no stamp"), BenchmarkCategory("set 20 and clear")]
    public void ClearBare()
    {
        foreach (string key in Keys)
        {
            _bare[key] = "some value";
        }

        _bare.Clear();
    }

    private static double Now() => DateTimeOffset.UtcNow.ToUnixTimeMilliseconds() / 1000.0;

    private void SetByHand(string key, object? value)
    {
        _session[$"workflow_{_id}_{key}"] = value;
        _session[$"__{_id}_last_modified"] = Now();
    }
}
