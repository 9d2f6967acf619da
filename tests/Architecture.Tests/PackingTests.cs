using System.IO.Compression;
using System.Xml.Linq;

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
            await File.ReadAllTextAsync(Path.Combine(Repository.Root, "CHANGELOG.md")),
            Does.Contain("## [Unreleased]").Or.Contain($"## [{version}]")
        );
        Assert.That(await RunNewApplicationAsync(Path.GetDirectoryName(package)!, version), Is.EqualTo($"2{Environment.NewLine}"));
    }

    [Test]
    public async Task Two_builds_give_the_same_assembly()
    {
        byte[] first = await AssemblyAsync(await PackAsync("first"));
        byte[] second = await AssemblyAsync(await PackAsync("second"));
        Assert.That(first, Is.EqualTo(second));
    }

    private async Task<string> PackAsync(string name)
    {
        string feed = Path.Combine(_folder, name, "feed");
        string project = Path.Combine(Repository.Root, "src", "Core", "WorkflowSessions.csproj");
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
        return Directory.EnumerateFiles(feed, "*.nupkg").Single();
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
        await File.WriteAllTextAsync(
            Path.Combine(application, "nuget.config"),
            $"""<configuration><packageSources><add key="feed" value="{feed}" /></packageSources></configuration>"""
        );
        return await Repository.RunAsync("dotnet", application, "run");
    }
}
