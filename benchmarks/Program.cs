using System.Globalization;
using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Diagnosers;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;
using Perfolizer.Horology;
using WorkflowSessions.Benchmarks;

if (args is ["--redis"])
{
    await RedisComparison.RunAsync();
    return;
}

if (args is ["--growth"])
{
    await GrowthCurve.RunAsync();
    return;
}

if (args is ["--soak", string minutes])
{
    await Soak.RunAsync(double.Parse(minutes, CultureInfo.InvariantCulture));
    return;
}

if (args is ["--web"])
{
    await WebComparison.RunAsync();
    return;
}

if (args is ["--losses"])
{
    await LostUpdates.RunAsync();
    return;
}

if (args is ["--cache"])
{
    await CacheComparison.RunAsync();
    return;
}

if (args is ["--drop-in"])
{
    await DropInComparison.RunAsync();
    return;
}

if (args is ["--drop-in-server", string sessions, string address, string bytes])
{
    await DropInServer.RunAsync(sessions, address, int.Parse(bytes, CultureInfo.InvariantCulture));
    return;
}

if (args is ["--web-server", string kind, string redis])
{
    await WebServer.RunAsync(kind, redis);
    return;
}

// Short runs in this process: what counts is the ratio to the baseline of the same run, not the nanoseconds of a machine.
IConfig config = DefaultConfig
    .Instance.AddJob(
        Job.ShortRun.WithToolchain(InProcessEmitToolchain.Instance)
            .WithWarmupCount(8)
            .WithIterationCount(7)
            .WithIterationTime(TimeInterval.FromMilliseconds(150))
    )
    .AddLogicalGroupRules(BenchmarkLogicalGroupRule.ByCategory, BenchmarkLogicalGroupRule.ByParams)
    .AddColumn(CategoriesColumn.Default, StatisticColumn.Min)
    .AddDiagnoser(MemoryDiagnoser.Default)
    .WithArtifactsPath(Path.Combine("artifacts", "benchmarks"))
    .HideColumns("Error", "StdDev", "RatioSD", "Gen0", "Gen1", "Gen2", "Alloc Ratio", "Median");
BenchmarkSwitcher.FromAssembly(typeof(Program).Assembly).Run(args, config);
