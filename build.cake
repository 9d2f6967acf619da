// The build. ./build.sh runs a target of it; without one, Test.
#nullable enable
using System.Diagnostics;
using System.Text.Json.Nodes;
using System.Xml.Linq;

string target = Argument("target", "Test");
string configuration = Argument("configuration", "Release");
string solution = "WorkflowSessions.slnx";
DirectoryPath results = "artifacts/test-results";

Task("Clean")
    .Description("Deletes everything that was built.")
    .Does(() => CleanDirectory("artifacts"));

Task("Restore")
    .Description("Restores the packages.")
    .Does(() => DotNetRestore(solution));

Task("Build")
    .Description("Builds everything, warnings as errors.")
    .IsDependentOn("Restore")
    .Does(() => DotNetBuild(solution, new DotNetBuildSettings { Configuration = configuration, NoRestore = true }));

Task("Servers")
    .Description("Installs what the tests start, a Redis, a Chromium and an HAProxy, from the packages of Debian, where there is none and it may.")
    .Does(() =>
    {
        List<string> missing = [];
        bool isNamed = new[] { "WORKFLOWSESSIONS_REDIS", "WORKFLOWSESSIONS_REDIS_PROGRAM" }.Any(name => Environment.GetEnvironmentVariable(name) is not null);
        if (!isNamed && !new[] { "redis-server", "valkey-server" }.Any(IsInstalled))
        {
            missing.Add("redis-server");
        }

        if (!new[] { "chromium", "chromium-browser", "google-chrome" }.Any(IsInstalled))
        {
            missing.Add("chromium");
        }

        if (!IsInstalled("haproxy"))
        {
            missing.Add("haproxy");
        }

        if (missing.Count == 0)
        {
            return;
        }

        if (!IsInstalled("apt-get"))
        {
            // The tests can start a Redis in a container too.
            missing.RemoveAll(name => name == "redis-server" && IsInstalled("docker"));
            if (missing.Count == 0)
            {
                return;
            }

            throw new CakeException($"The tests need {string.Join(" and ", missing)} on the PATH.");
        }

        foreach (string command in new[] { "apt-get update -qq", $"env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends {string.Join(' ', missing)}" })
        {
            if (Environment.UserName == "root")
            {
                Run(command.Split(' ', 2)[0], command.Split(' ', 2)[1]);
            }
            else
            {
                Run("sudo", $"-n {command}");
            }
        }
    });

Task("RedisClients")
    .Description("Compiles the Redis package with each supported major version of the client.")
    .IsDependentOn("Restore")
    .Does(() =>
    {
        foreach (string version in new[] { "1.2.6", "2.13.23", "3.4.35" })
        {
            Run("dotnet", $"build eng/RedisClients -c {configuration} -p:CheckedClientVersion={version}");
        }
    });

Task("CheckFormat")
    .Description("Fails when a file is not formatted; --target=Format mends it.")
    .Does(() => Run("dotnet", "csharpier check ."));

Task("Format")
    .Description("Formats all files.")
    .Does(() => Run("dotnet", "csharpier format ."));

Task("Test")
    .Description("Checks the formatting, builds, runs all tests and prints how long each project took. --sequences=N sets the length of the model tests.")
    .IsDependentOn("CheckFormat")
    .IsDependentOn("Servers")
    .IsDependentOn("Build")
    .IsDependentOn("RedisClients")
    .Does(() => RunTests(coverage: false));

Task("Coverage")
    .Description("Runs all tests and reports which lines and branches of the packages they reach, in artifacts/coverage.")
    .IsDependentOn("Servers")
    .IsDependentOn("Build")
    .Does(() =>
    {
        RunTests(coverage: true);
        Run("dotnet", "reportgenerator -reports:artifacts/test-results/**/coverage.cobertura.xml -targetdir:artifacts/coverage -reporttypes:TextSummary;Html;Cobertura");
        Information(System.IO.File.ReadAllText("artifacts/coverage/Summary.txt"));
    });

Task("Mutations")
    .Description("Breaks the sources in the ways of eng/mutations.json, one at a time in a copy, and fails when the tests named there don't notice; --only=text for some.")
    .IsDependentOn("Servers")
    .Does(() =>
    {
        string copy = System.IO.Path.GetFullPath("artifacts/mutations");
        EnsureDirectoryExists(copy);
        Run("sh", $"-c \"git ls-files -z | xargs -0 cp --parents -t {copy}\"");
        var survived = new List<string>();
        foreach (JsonNode? mutation in JsonNode.Parse(System.IO.File.ReadAllText("eng/mutations.json"))!.AsArray())
        {
            string Of(string name) => (string)mutation![name]!;
            if (!Of("name").Contains(Argument("only", ""), StringComparison.Ordinal))
            {
                continue;
            }

            string file = System.IO.Path.Combine(copy, Of("file"));
            string text = System.IO.File.ReadAllText(file);
            System.IO.File.WriteAllText(file, text.Replace(Of("find"), Of("replace"), StringComparison.Ordinal));
            Run("dotnet", $"build {copy}/{Of("project")} -c {configuration} -v q -p:TreatWarningsAsErrors=false");
            Information(Of("name"));
            string test = $"test {copy}/{Of("project")} -c {configuration} --no-build --filter FullyQualifiedName~{Of("tests")}";
            if (StartProcess("dotnet", new ProcessSettings { Arguments = test }) == 0)
            {
                survived.Add(Of("name"));
            }

            System.IO.File.WriteAllText(file, text);
        }

        if (survived.Count > 0)
        {
            throw new CakeException($"Not noticed: {string.Join("; ", survived)}.");
        }
    });

Task("Damage")
    .Description("Damages what is stored a million times, in single values, in a cache and in a Redis; --damages=N for another number, --seed=N for the damages of another run.")
    .IsDependentOn("Servers")
    .IsDependentOn("Build")
    .Does(() =>
    {
        foreach (string project in new[] { "Core.Tests/WorkflowSessions.Tests", "Adapters.DistributedCache.Tests/WorkflowSessions.DistributedCache.Tests", "Adapters.Redis.Tests/WorkflowSessions.Redis.Tests" })
        {
            DotNetTest($"tests/{project}.csproj", new DotNetTestSettings
            {
                Configuration = configuration,
                NoBuild = true,
                NoRestore = true,
                Filter = "FullyQualifiedName~DamageTests",
                Loggers = { "console;verbosity=normal" },
                EnvironmentVariables = { ["WORKFLOWSESSIONS_DAMAGES"] = Argument("damages", "1000000"), ["WORKFLOWSESSIONS_SEED"] = Argument("seed", "") },
            });
        }
    });

Task("Explore")
    .Description("Runs at least a million schedules of messages that are late, lost or doubled against the Redis store; --schedules=N for another number, --seed=N for other random ones.")
    .IsDependentOn("Servers")
    .IsDependentOn("Build")
    .Does(() => DotNetTest("tests/Redis.Explorer.Tests/WorkflowSessions.Redis.Explorer.Tests.csproj", new DotNetTestSettings
    {
        Configuration = configuration,
        NoBuild = true,
        NoRestore = true,
        Loggers = { "console;verbosity=normal" },
        EnvironmentVariables = { ["WORKFLOWSESSIONS_SCHEDULES"] = Argument("schedules", "1500000"), ["WORKFLOWSESSIONS_SEED"] = Argument("seed", "") },
    }));

Task("Engines")
    .Description("Runs the tests of the Redis store on other engines than that of the machine: Redis 8 and Valkey 8 of Debian; --only=text for some, --only=Garnet for that of NuGet.")
    .IsDependentOn("Build")
    .Does(() =>
    {
        Run("sh", "eng/fetch-engines.sh artifacts/engines");
        int notPassed = 0;
        var lines = new List<string>();
        // Garnet is not supported, and fails: only where it is asked for.
        foreach (FilePath engine in GetFiles($"artifacts/engines/bin/*{Argument("only", "-8")}*").OrderBy(file => file.FullPath, StringComparer.Ordinal))
        {
            string name = engine.GetFilename().ToString();
            (int passed, int failed, _) = RunTestsOf(
                "tests/Adapters.Redis.Tests/WorkflowSessions.Redis.Tests.csproj",
                $"artifacts/engines/results/{name}",
                coverage: false,
                new Dictionary<string, string?> { ["WORKFLOWSESSIONS_REDIS_PROGRAM"] = engine.FullPath }
            );
            lines.Add($"{name.Replace('-', ' ')}: {passed} passed, {failed} failed");
            notPassed += failed;
        }

        Information(string.Join(Environment.NewLine, lines));
        if (notPassed > 0)
        {
            throw new CakeException($"{notPassed} tests failed; artifacts/engines/results has what.");
        }
    });

Task("Bench")
    .Description("Runs the benchmarks; --filter=*Name* for some of them.")
    .Does(() => Run("dotnet", $"run --project benchmarks -c Release -- --filter {Argument("filter", "*")}"));

Task("BenchRedis")
    .Description("Compares requests on Redis with those of ASP.NET Core Session and with bare commands, on a server of its own.")
    .IsDependentOn("Servers")
    .Does(() => Run("dotnet", "run --project benchmarks -c Release -- --redis"));

Task("BenchGrowth")
    .Description("Measures requests and memory on Redis as sessions, workflows and load grow, on a server of its own.")
    .IsDependentOn("Servers")
    .Does(() => Run("dotnet", "run --project benchmarks -c Release -- --growth"));

Task("Soak")
    .Description("Runs mixed traffic on a Redis of its own and fails when memory, connections or threads grow, an update is lost or a key stays; --minutes=10 says how long.")
    .IsDependentOn("Servers")
    .Does(() => Run("dotnet", $"run --project benchmarks -c Release -- --soak {Argument("minutes", "10")}"));

Task("BenchWeb")
    .Description("Compares endpoints over HTTP with and without sessions, in memory and on a Redis of its own.")
    .IsDependentOn("Servers")
    .Does(() => Run("dotnet", "run --project benchmarks -c Release -- --web"));

Task("BenchDropIn")
    .Description("Compares an application on HttpContext.Session over HTTP, on ASP.NET Core's session and on ours, on a Redis of its own.")
    .IsDependentOn("Servers")
    .Does(() => Run("dotnet", "run --project benchmarks -c Release -- --drop-in"));

Task("BenchCache")
    .Description("Compares requests on a distributed cache with those of ASP.NET Core Session on the same cache.")
    .IsDependentOn("Servers")
    .Does(() => Run("dotnet", "run --project benchmarks -c Release -- --cache"));

Task("Losses")
    .Description("Counts how many of 300 pairs of parallel writes lose one, on two processes and a Redis of their own, here and on ASP.NET Core Session.")
    .IsDependentOn("Servers")
    .Does(() => Run("dotnet", "run --project benchmarks -c Release -- --losses"));

Task("Pack")
    .Description("Packs the packages into artifacts/package/release.")
    .Does(() => DotNetPack(
        solution,
        new DotNetPackSettings { Configuration = configuration, MSBuildSettings = new DotNetMSBuildSettings { ContinuousIntegrationBuild = true } }
    ));

Task("Farm")
    .Description("Runs two nodes of the shop on one Redis behind HAProxy at http://localhost:5090, until Ctrl+C.")
    .IsDependentOn("Servers")
    .IsDependentOn("Build")
    .Does(() =>
    {
        System.IO.File.WriteAllText("artifacts/haproxy.cfg", """
            defaults
                mode http
                timeout connect 1s
                timeout client 30s
                timeout server 30s
                option redispatch 1
                retry-on conn-failure empty-response
            frontend shop
                bind 127.0.0.1:5090
                default_backend nodes
            backend nodes
                balance roundrobin
                server a 127.0.0.1:5091 check
                server b 127.0.0.1:5092 check

            """);
        string shop = System.IO.Path.GetFullPath($"artifacts/bin/CheckoutWizard/{configuration.ToLowerInvariant()}/CheckoutWizard.dll");
        List<IProcess> started = [];
        void Start(string program, string arguments) =>
            started.Add(StartAndReturnProcess(program, new ProcessSettings
            {
                Arguments = arguments,
                WorkingDirectory = "samples/CheckoutWizard",
                EnvironmentVariables = new Dictionary<string, string?> { ["ASPNETCORE_ENVIRONMENT"] = "Development" },
            }));
        try
        {
            Start("redis-server", "--port 5093 --bind 127.0.0.1 --save \"\"");
            Start("dotnet", $"{shop} --urls http://127.0.0.1:5091 --node a --redis 127.0.0.1:5093");
            Start("dotnet", $"{shop} --urls http://127.0.0.1:5092 --node b --redis 127.0.0.1:5093");
            Start("haproxy", $"-db -f {System.IO.Path.GetFullPath("artifacts/haproxy.cfg")}");
            Information("The farm is at http://localhost:5090. Ctrl+C ends it.");
            started[^1].WaitForExit();
        }
        finally
        {
            started.ForEach(process => process.Kill());
        }
    });

Task("Tour")
    .Description("Runs the tour of the library.")
    .Does(() => Run("dotnet", "run --project samples/Tour"));

RunTarget(target);

bool IsInstalled(string program) =>
    (Environment.GetEnvironmentVariable("PATH") ?? "")
        .Split(System.IO.Path.PathSeparator)
        .Append("/usr/sbin")
        .Any(folder => System.IO.File.Exists(System.IO.Path.Combine(folder, program)));

void Run(string command, string arguments)
{
    int code = StartProcess(command, new ProcessSettings { Arguments = arguments });
    if (code != 0)
    {
        throw new CakeException($"'{command} {arguments}' ended with exit code {code}.");
    }
}

const string CoverageCollector =
    "XPlat Code Coverage;Include=[WorkflowSessions]*,[WorkflowSessions.*]*;Exclude=[*.Tests]*,[WorkflowSessions.Contracts]*;ExcludeByAttribute=GeneratedCodeAttribute";

// The tests in a browser run alone: next to others, a page may not get a key in time. Then two projects at a time, the longest first.
void RunTests(bool coverage)
{
    CleanDirectory(results);
    FilePath[] all = [.. GetFiles("tests/*/*.Tests.csproj").OrderBy(file => file.FullPath, StringComparer.Ordinal)];
    FilePath[] inBrowser = [.. all.Where(file => Is(file, "CheckoutWizard.Tests"))];
    FilePath[] projects = [.. all.Except(inBrowser).OrderBy(file => Is(file, "WorkflowSessions.Redis.Tests") ? 0 : 1)];
    int passed = 0, failed = 0, skipped = 0;
    var times = new List<string>();
    foreach (FilePath project in inBrowser)
    {
        Run(project);
    }

    Parallel.ForEach(
        System.Collections.Concurrent.Partitioner.Create(projects, System.Collections.Concurrent.EnumerablePartitionerOptions.NoBuffering),
        new ParallelOptions { MaxDegreeOfParallelism = 2 },
        Run
    );

    static bool Is(FilePath project, string name) => project.GetFilenameWithoutExtension().ToString() == name;

    void Run(FilePath project)
    {
        string name = project.GetFilenameWithoutExtension().ToString();
        Stopwatch watch = Stopwatch.StartNew();
        var counts = RunTestsOf(project, results.Combine(name), coverage, []);
        lock (times)
        {
            times.Add($"{watch.Elapsed.TotalSeconds,7:0.0} s  {name}");
            passed += counts.Passed;
            failed += counts.Failed;
            skipped += counts.Skipped;
        }
    }

    Information(string.Join(Environment.NewLine, times));
    System.IO.File.WriteAllText("artifacts/summary.txt", $"{passed} passed, {failed} failed, {skipped} skipped{Environment.NewLine}");
    if (failed > 0)
    {
        throw new CakeException($"{failed} tests failed.");
    }
}

(int Passed, int Failed, int Skipped) RunTestsOf(FilePath project, DirectoryPath folder, bool coverage, Dictionary<string, string?> variables)
{
    // What is left of an earlier run must not count.
    CleanDirectory(folder);
    variables["WORKFLOWSESSIONS_SEQUENCES"] = Argument("sequences", "10000");
    // A test that hangs is a failure that names it.
    string arguments =
        $"test {project.FullPath} -c {configuration} --no-build --no-restore --blame-hang-timeout 10m --blame-hang-dump-type none --results-directory {folder.FullPath}"
        + " --logger \"trx;LogFileName=results.trx\" --logger \"console;verbosity=normal\""
        + (coverage ? $" --collect \"{CoverageCollector}\"" : "");
    // Whether it failed is in the results. The output is printed at the end, so that projects which run at a time don't mix theirs.
    _ = StartProcess(
        "dotnet",
        new ProcessSettings
        {
            Arguments = arguments,
            EnvironmentVariables = variables,
            RedirectStandardOutput = true,
        },
        out IEnumerable<string> output
    );
    Information("{0}", string.Join(Environment.NewLine, output));

    FilePath trx = folder.CombineWithFilePath("results.trx");
    XElement? counters = FileExists(trx)
        ? XDocument.Load(trx.FullPath).Descendants().FirstOrDefault(element => element.Name.LocalName == "Counters")
        : null;
    int Count(string counter) => (int?)counters?.Attribute(counter) ?? 0;
    int notPassed = Count("total") - Count("passed") - Count("notExecuted");
    // A run that broke off, or found no test, is a failure too.
    return (Count("passed"), Count("total") == 0 ? 1 : notPassed, Count("notExecuted"));
}
