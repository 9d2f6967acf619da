using System.Reflection;
using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using System.Runtime.CompilerServices;
using WorkflowSessions.Contracts;

namespace WorkflowSessions.Architecture;

/// <summary>Rules that hold in every package.</summary>
[TestFixtureSource(typeof(Packages), nameof(Packages.All))]
public sealed class PackageRulesTests(Assembly package)
{
    // The bases of the exceptions, of the stores and of their options.
    private static readonly string[] Unsealed = ["WorkflowSessionException", "BufferedSessionStore", "BufferedSessionStoreOptions"];

    // What a package may be built on, besides the framework and the core.
    private static readonly Dictionary<string, string[]> AllowedReferences = new(StringComparer.Ordinal)
    {
        ["WorkflowSessions"] =
        [
            "Microsoft.Extensions.DependencyInjection.Abstractions",
            "Microsoft.Extensions.Hosting.Abstractions",
            "Microsoft.Extensions.Logging.Abstractions",
            "Microsoft.Extensions.Options",
        ],
        ["WorkflowSessions.AspNetCore"] = ["WorkflowSessions"],
        ["WorkflowSessions.DistributedCache"] =
        [
            "WorkflowSessions",
            "Microsoft.Extensions.Caching.Abstractions",
            "Microsoft.Extensions.DependencyInjection.Abstractions",
            "Microsoft.Extensions.Options",
        ],
        ["WorkflowSessions.Redis"] =
        [
            "WorkflowSessions",
            "StackExchange.Redis",
            "Microsoft.Extensions.DependencyInjection.Abstractions",
            "Microsoft.Extensions.Logging.Abstractions",
            "Microsoft.Extensions.Options",
        ],
    };

    // A wall clock, or a wait that no clock of a test can drive.
    private static readonly string[] Clocks =
    [
        "DateTime.get_Now",
        "DateTime.get_UtcNow",
        "DateTime.get_Today",
        "DateTimeOffset.get_Now",
        "DateTimeOffset.get_UtcNow",
        "Environment.get_TickCount",
        "Environment.get_TickCount64",
        "Stopwatch.GetTimestamp",
        "Stopwatch.StartNew",
        "Thread.Sleep",
    ];

    private string Name => package.GetName().Name!;

    [Test]
    public void Public_types_are_in_the_namespace_of_the_package() =>
        Assert.That(
            // Extension methods are where the type that they extend is looked for.
            package.GetExportedTypes().Where(type => !type.IsDefined(typeof(ExtensionAttribute))).Select(type => type.Namespace),
            Is.All.EqualTo(Name)
        );

    [Test]
    public void Public_classes_are_sealed() =>
        Assert.That(
            package.GetExportedTypes().Where(type => type.IsClass && !type.IsSealed).Select(type => type.Name),
            Is.SubsetOf(Unsealed)
        );

    [Test]
    public void No_type_is_named_Utils_or_Helper() =>
        Assert.That(
            package
                .GetTypes()
                .Select(type => type.Name)
                .Where(name => name.EndsWith("Utils", StringComparison.Ordinal) || name.EndsWith("Helper", StringComparison.Ordinal)),
            Is.Empty
        );

    [Test]
    public void References_are_the_allowed_ones() =>
        Assert.That(
            package
                .GetReferencedAssemblies()
                .Select(reference => reference.Name!)
                .Where(name => !name.StartsWith("System.", StringComparison.Ordinal))
                // The adapter of ASP.NET Core is built on all of its shared framework.
                .Where(name => Name != "WorkflowSessions.AspNetCore" || !name.StartsWith("Microsoft.", StringComparison.Ordinal)),
            Is.SubsetOf(AllowedReferences[Name])
        );

    [Test]
    public void Internals_are_visible_to_its_own_tests_only() =>
        Assert.That(
            package.GetCustomAttributes<InternalsVisibleToAttribute>().Select(attribute => attribute.AssemblyName),
            Is.SubsetOf(new[] { $"{Name}.Tests", $"{Name}.Explorer.Tests" })
        );

    [Test]
    public void Nothing_is_printed_and_no_wall_clock_is_read()
    {
        // Not the copy beside the tests, to which a run with coverage adds its own code.
        using PEReader file = new(File.OpenRead(Checkout.Built(Name, $"{Name}.dll")));
        MetadataReader metadata = file.GetMetadataReader();
        List<string> members = [];
        foreach (MemberReferenceHandle handle in metadata.MemberReferences)
        {
            MemberReference member = metadata.GetMemberReference(handle);
            if (member.Parent.Kind == HandleKind.TypeReference)
            {
                TypeReference type = metadata.GetTypeReference((TypeReferenceHandle)member.Parent);
                members.Add($"{metadata.GetString(type.Name)}.{metadata.GetString(member.Name)}");
            }
        }

        Assert.That(members, Does.Contain("ArgumentNullException.ThrowIfNull"), "the members are read at all");
        Assert.That(members.Where(member => member.StartsWith("Console.", StringComparison.Ordinal)), Is.Empty);
        Assert.That(members.Intersect(Clocks, StringComparer.Ordinal), Is.Empty);
    }
}
