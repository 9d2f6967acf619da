using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using WorkflowSessions.Contracts;

namespace WorkflowSessions.Architecture;

/// <summary>Rules that no compiler checks, on the text of the sources.</summary>
public sealed partial class SourceRulesTests
{
    [Test]
    public void Tests_neither_sleep_nor_try_again_nor_step_aside()
    {
        Assert.That(Evasion().IsMatch("[" + "Retry(3)]"), Is.True);
        Assert.That(Matches("tests", Evasion()), Is.Empty);
    }

    [Test]
    public void Sources_have_no_regions()
    {
        Assert.That(Region().IsMatch("    #region" + " x"), Is.True);
        Assert.That(Matches("src", Region()), Is.Empty);
    }

    [Test]
    public void Versions_of_packages_are_in_one_file() =>
        Assert.That(Repository.Files(".", "*.csproj").Where(file => VersionOfReference().IsMatch(File.ReadAllText(file))), Is.Empty);

    [Test]
    public void Mutations_can_be_made_and_name_tests_that_exist()
    {
        JsonArray mutations = JsonNode.Parse(File.ReadAllText(Path.Combine(Checkout.Root, "eng", "mutations.json")))!.AsArray();
        Assert.That(mutations, Is.Not.Empty);
        Assert.Multiple(() =>
        {
            foreach (JsonNode? mutation in mutations)
            {
                string Of(string name) => (string)mutation![name]!;
                string[] parts = File.ReadAllText(Path.Combine(Checkout.Root, Of("file"))).Split(Of("find"));
                Assert.That(parts, Has.Length.EqualTo(2), $"{Of("name")}: the text to replace must be there once");
                Assert.That(
                    Repository.Files(Of("project"), "*.cs").Select(File.ReadAllText),
                    Has.Some.Contains(Of("tests")),
                    $"{Of("name")}: there is no such test"
                );
            }
        });
    }

    private static IEnumerable<string> Matches(string folder, Regex pattern) =>
        from file in Repository.Files(folder, "*.cs")
        from line in File.ReadLines(file)
        where pattern.IsMatch(line)
        select $"{Path.GetFileName(file)}: {line.Trim()}";

    [GeneratedRegex(@"\[(?:Retry|Ignore|Explicit|Repeat)\b|Thread\.Sleep\(|Assert\.(Inconclusive|Ignore|Warn)\b|Assume\.That")]
    private static partial Regex Evasion();

    [GeneratedRegex("<PackageReference[^>]*Version=\"")]
    private static partial Regex VersionOfReference();

    [GeneratedRegex(@"^\s*#region")]
    private static partial Regex Region();
}
