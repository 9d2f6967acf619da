using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Emit;
using WorkflowSessions.Contracts;

namespace WorkflowSessions.Architecture;

/// <summary>The C# of the README and of docs/ is compiled and run; a text block behind one is what it must print.</summary>
public sealed partial class DocumentationTests
{
    private const string Usings = """
        global using System;
        global using System.Collections.Generic;
        global using System.Linq;
        global using System.Threading;
        global using System.Threading.Tasks;

        """;

    // What the SDK of web applications adds.
    private const string WebUsings = """
        global using Microsoft.AspNetCore.Builder;
        global using Microsoft.AspNetCore.Hosting;
        global using Microsoft.AspNetCore.Http;
        global using Microsoft.AspNetCore.Routing;
        global using Microsoft.Extensions.Configuration;
        global using Microsoft.Extensions.DependencyInjection;
        global using Microsoft.Extensions.Hosting;
        global using Microsoft.Extensions.Logging;
        global using WorkflowSessions;
        global using WorkflowSessions.AspNetCore;

        """;

    private static IEnumerable<string> Pages =>
        Directory.EnumerateFiles(Path.Combine(Checkout.Root, "docs"), "*.md").Append(Path.Combine(Checkout.Root, "README.md"));

    private static IEnumerable<TestCaseData> Blocks =>
        from file in Pages
        from block in CodeBlock().Matches(File.ReadAllText(file)).Select((match, index) => (Match: match, Number: index + 1))
        select new TestCaseData(block.Match.Groups["code"].Value, block.Match.Groups["output"].Value).SetArgDisplayNames(
            $"{Path.GetFileName(file)} block {block.Number}"
        );

    [TestCaseSource(nameof(Blocks))]
    public async Task Documented_code_runs(string code, string output)
    {
        string folder = Directory.CreateTempSubdirectory("workflowsessions-docs-").FullName;
        try
        {
            string program = Compile(code, folder);
            string printed = await Repository.RunAsync("dotnet", folder, program);
            Assert.That(printed.ReplaceLineEndings("\n").TrimEnd(), Is.EqualTo(output.ReplaceLineEndings("\n").TrimEnd()));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Test]
    public void Documented_code_that_needs_a_server_compiles()
    {
        Match[] blocks = [.. Pages.SelectMany(page => CompiledBlock().Matches(File.ReadAllText(page)))];
        Assert.That(blocks.Select(block => block.Groups["kind"].Value), Does.Contain("compile").And.Contain("web"));
        foreach (Match block in blocks)
        {
            using MemoryStream program = new();
            Emit(block.Groups["code"].Value, program, block.Groups["kind"].Value == "web" ? Usings + WebUsings : Usings);
        }
    }

    [Test]
    public void Code_that_a_page_shows_of_a_file_is_that_files()
    {
        Match[] blocks = [.. Pages.SelectMany(page => FileBlock().Matches(File.ReadAllText(page)))];
        Assert.That(blocks, Is.Not.Empty);
        foreach (Match block in blocks)
        {
            Assert.That(block.Groups["code"].Value, Is.EqualTo(File.ReadAllText(Path.Combine(Checkout.Root, block.Groups["file"].Value))));
        }
    }

    private static string Compile(string code, string folder)
    {
        string program = Path.Combine(folder, "Documented.dll");
        using (FileStream file = File.Create(program))
        {
            Emit(code, file);
        }

        // The packages and what they are built on.
        string[] shipped = ["WorkflowSessions*.dll", "Microsoft.Extensions.*.dll"];
        foreach (string file in shipped.SelectMany(pattern => Directory.EnumerateFiles(TestContext.CurrentContext.TestDirectory, pattern)))
        {
            File.Copy(file, Path.Combine(folder, Path.GetFileName(file)));
        }

        File.Copy(
            Path.ChangeExtension(typeof(DocumentationTests).Assembly.Location, ".runtimeconfig.json"),
            Path.ChangeExtension(program, ".runtimeconfig.json")
        );
        return program;
    }

    private static void Emit(string code, Stream program, string usings = Usings)
    {
        string[] framework = ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator);
        CSharpCompilation compilation = CSharpCompilation.Create(
            "Documented",
            [CSharpSyntaxTree.ParseText(usings), CSharpSyntaxTree.ParseText(code)],
            framework.Select(path => MetadataReference.CreateFromFile(path)),
            new CSharpCompilationOptions(OutputKind.ConsoleApplication, nullableContextOptions: NullableContextOptions.Enable)
        );
        EmitResult result = compilation.Emit(program);
        Assert.That(result.Diagnostics.Where(diagnostic => diagnostic.Severity >= DiagnosticSeverity.Warning), Is.Empty, code);
    }

    [GeneratedRegex(
        @"^```csharp (?<kind>compile|web)\n(?<code>.*?)^```",
        RegexOptions.Multiline | RegexOptions.Singleline | RegexOptions.ExplicitCapture
    )]
    private static partial Regex CompiledBlock();

    [GeneratedRegex(
        @"^```csharp\n(?<code>.*?)^```\n(\s*^```text\n(?<output>.*?)^```)?",
        RegexOptions.Multiline | RegexOptions.Singleline | RegexOptions.ExplicitCapture
    )]
    private static partial Regex CodeBlock();

    [GeneratedRegex(
        @"^```csharp file=(?<file>\S+)\n(?<code>.*?)^```",
        RegexOptions.Multiline | RegexOptions.Singleline | RegexOptions.ExplicitCapture
    )]
    private static partial Regex FileBlock();
}
