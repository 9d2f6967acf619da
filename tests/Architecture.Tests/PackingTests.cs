using System.IO.Compression;
using System.Xml.Linq;
using WorkflowSessions.Contracts;

namespace WorkflowSessions.Architecture;

/// <summary>What users get: the packages themselves, and a new application that takes them from a folder.</summary>
public sealed class PackingTests
{
    private const string Program = """
        using WorkflowSessions;

        var session = new Dictionary<string, object?>();
        new WorkflowSession(session, "checkout").Set("step", 2);
        Console.WriteLine(new WorkflowSession(session, "checkout").Get<int>("step"));
        """;

    private string _folder = "";

    [SetUp]
    public void SetUp() => _folder = Directory.CreateTempSubdirectory("workflowsessions-pack-").FullName;

    [TearDown]
    public void TearDown() => Directory.Delete(_folder, recursive: true);

    [Test]
    public async Task Package_is_complete_and_a_new_application_runs_with_it()
    {
        string package = await PackAsync("first");
        using ZipArchive content = await ZipFile.OpenReadAsync(package);
        string[] files = [.. content.Entries.Select(entry => entry.FullName)];
        Assert.That(
            files,
            Is.SupersetOf(
                new[] { "README.md", "lib/net10.0/WorkflowSessions.dll", "lib/net10.0/WorkflowSessions.xml", "WorkflowSessions.nuspec" }
            )
        );
        Assert.That(File.Exists(Path.ChangeExtension(package, ".snupkg")), Is.True);

        XElement metadata = XDocument.Load(await content.GetEntry("WorkflowSessions.nuspec")!.OpenAsync()).Root!.Elements().First();
        string? Field(string name) => metadata.Elements().FirstOrDefault(element => element.Name.LocalName == name)?.Value;
        Assert.That(Field("license"), Is.EqualTo("MIT"));
        Assert.That(Field("readme"), Is.EqualTo("README.md"));
        Assert.That(Field("description"), Is.Not.Empty);
        XElement repository = metadata.Elements().Single(element => element.Name.LocalName == "repository");
        Assert.That(repository.Attribute("type")?.Value, Is.EqualTo("git"));
        Assert.That(repository.Attribute("commit")?.Value, Has.Length.EqualTo(40));

        string version = Field("version")!;
        Assert.That(
            await File.ReadAllTextAsync(Path.Combine(Checkout.Root, "CHANGELOG.md")),
            Does.Contain("## [Unreleased]").Or.Contain($"## [{version}]")
        );
        Assert.That(await RunNewApplicationAsync(Path.GetDirectoryName(package)!, version), Is.EqualTo($"2{Environment.NewLine}"));
    }

    [Test]
    public async Task New_web_application_needs_three_lines()
    {
        string feed = Path.GetDirectoryName(await PackAsync("web", "Core/WorkflowSessions.csproj"))!;
        string package = await PackAsync("web", "Adapters.AspNet/WorkflowSessions.AspNetCore.csproj");
        string application = Path.Combine(_folder, "shop");
        await Repository.RunAsync("dotnet", _folder, "new", "web", "-o", application, "--no-restore");
        string version = Path.GetFileNameWithoutExtension(package)["WorkflowSessions.AspNetCore.".Length..];
        await WriteFeedAsync(application, feed);
        string project = Path.Combine(application, "shop.csproj");
        await File.WriteAllTextAsync(
            project,
            (await File.ReadAllTextAsync(project)).Replace(
                "</Project>",
                $"""
                  <PropertyGroup>
                    <TreatWarningsAsErrors>true</TreatWarningsAsErrors>
                    <RestorePackagesPath>{Path.Combine(_folder, "packages")}</RestorePackagesPath>
                  </PropertyGroup>
                  <ItemGroup>
                    <PackageReference Include="WorkflowSessions.AspNetCore" Version="{version}" />
                  </ItemGroup>
                </Project>
                """,
                StringComparison.Ordinal
            )
        );
        // The template's own program, with the lines of the README.
        string program = Path.Combine(application, "Program.cs");
        string[] lines = await File.ReadAllLinesAsync(program);
        Assert.That(lines, Has.Some.StartsWith("var builder").And.Some.StartsWith("var app"));
        IEnumerable<string> added = lines.SelectMany(line =>
            line.StartsWith("var app", StringComparison.Ordinal)
                ?
                [
                    "builder.Services.AddWorkflowSessions().AddInMemoryStore();",
                    line,
                    "app.UseWorkflowSessions();",
                    "app.MapPost(\"/next\", async (IWorkflowSessions workflows, CancellationToken ct) =>",
                    "    (await workflows.OpenAsync(\"checkout\", ct)).Set(\"step\", 2));",
                    "app.MapGet(\"/step\", async (IWorkflowSessions workflows, CancellationToken ct) =>",
                    "    (await workflows.OpenAsync(\"checkout\", ct)).Get(\"step\", 1));",
                ]
                : new[] { line }
        );
        await File.WriteAllLinesAsync(program, ["using WorkflowSessions.AspNetCore;", .. added]);

        string built = Path.Combine(application, "built");
        await Repository.RunAsync("dotnet", application, "build", "-c", "Release", "-o", built);
        await using WebProcess shop = await WebProcess.StartAsync(Path.Combine(built, "shop.dll"), application);
        using HttpClient client = new() { BaseAddress = new Uri(shop.Address) };
        Assert.That(await client.GetStringAsync(new Uri("/step", UriKind.Relative)), Is.EqualTo("1"));
        using HttpResponseMessage next = await client.PostAsync(new Uri("/next", UriKind.Relative), content: null);
        Assert.That(next.IsSuccessStatusCode, Is.True);
        Assert.That(await client.GetStringAsync(new Uri("/step", UriKind.Relative)), Is.EqualTo("2"));
    }

    [Test]
    public async Task Two_builds_give_the_same_assembly()
    {
        byte[] first = await AssemblyAsync(await PackAsync("first"));
        byte[] second = await AssemblyAsync(await PackAsync("second"));
        Assert.That(first, Is.EqualTo(second));
    }

    private async Task<string> PackAsync(string name, string packed = "Core/WorkflowSessions.csproj")
    {
        string feed = Path.Combine(_folder, name, "feed");
        string project = Path.Combine(Checkout.Root, "src", packed);
        string artifacts = Path.Combine(_folder, name, "artifacts");
        await Repository.RunAsync(
            "dotnet",
            _folder,
            "pack",
            project,
            "-c",
            "Release",
            "-o",
            feed,
            $"-p:ArtifactsPath={artifacts}",
            "-p:ContinuousIntegrationBuild=true"
        );
        return Directory
            .EnumerateFiles(feed, $"{Path.GetFileNameWithoutExtension(packed)}.*.nupkg")
            .Single(file => char.IsAsciiDigit(Path.GetFileName(file)[Path.GetFileNameWithoutExtension(packed).Length + 1]));
    }

    private static async Task<byte[]> AssemblyAsync(string package)
    {
        using ZipArchive content = await ZipFile.OpenReadAsync(package);
        await using Stream stream = await content.GetEntry("lib/net10.0/WorkflowSessions.dll")!.OpenAsync();
        using MemoryStream copy = new();
        await stream.CopyToAsync(copy);
        return copy.ToArray();
    }

    private async Task<string> RunNewApplicationAsync(string feed, string version)
    {
        string application = Directory.CreateDirectory(Path.Combine(_folder, "application")).FullName;
        await File.WriteAllTextAsync(Path.Combine(application, "Program.cs"), Program);
        await File.WriteAllTextAsync(
            Path.Combine(application, "application.csproj"),
            $"""
            <Project Sdk="Microsoft.NET.Sdk">
              <PropertyGroup>
                <OutputType>Exe</OutputType>
                <TargetFramework>net10.0</TargetFramework>
                <Nullable>enable</Nullable>
                <ImplicitUsings>enable</ImplicitUsings>
                <TreatWarningsAsErrors>true</TreatWarningsAsErrors>
                <RestorePackagesPath>{Path.Combine(_folder, "packages")}</RestorePackagesPath>
              </PropertyGroup>
              <ItemGroup>
                <PackageReference Include="WorkflowSessions" Version="{version}" />
              </ItemGroup>
            </Project>
            """
        );
        await WriteFeedAsync(application, feed);
        return await Repository.RunAsync("dotnet", application, "run");
    }

    private static async Task WriteFeedAsync(string application, string feed) =>
        await File.WriteAllTextAsync(
            Path.Combine(application, "nuget.config"),
            $"""<configuration><packageSources><add key="feed" value="{feed}" /></packageSources></configuration>"""
        );
}
