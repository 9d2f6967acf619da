using FsCheck;
using FsCheck.Fluent;
using WorkflowSessions.Contracts;

namespace WorkflowSessions.Tests;

public sealed class WorkflowInstanceTests
{
    // 115 units: what stays of 128 behind the separator and the 12 characters.
    private static readonly string Longest = new('x', 115);

    [Test]
    public void Id_of_an_instance_names_the_workflow_and_the_instance()
    {
        WorkflowSession instance = new(new Dictionary<string, object?>(), WorkflowInstance.NewId("import"));
        WorkflowSummary summary = new(instance.Id);
        Assert.Multiple(() =>
        {
            Assert.That(instance.Id, Does.Match("^import~[A-Za-z0-9_-]{12}$"));
            Assert.That(instance.WorkflowId, Is.EqualTo("import"));
            Assert.That(instance.Id, Is.EqualTo($"import~{instance.InstanceId}"));
            Assert.That(summary.WorkflowId, Is.EqualTo("import"));
            Assert.That(summary.InstanceId, Is.EqualTo(instance.InstanceId));
            Assert.That(WorkflowInstance.IdOf("import", instance.InstanceId), Is.EqualTo(instance.Id));
            Assert.That(WorkflowInstance.NewId("import"), Is.Not.EqualTo(instance.Id));
        });
    }

    [TestCase("import")]
    [TestCase("~bbbbbbbbbbbb")]
    [TestCase("bbbbbbbbbbbb")]
    [TestCase("a~")]
    [TestCase("a~bbbbbbbbbbb")]
    [TestCase("a~bbbbbbbbbbbbb")]
    [TestCase("a~bbbbbbbbbbb=")]
    [TestCase("a~bbbbbb+bbbbb")]
    [TestCase("a~bbbbbb\u0131bbbbb")]
    [TestCase("a-bbbbbbbbbbbb")]
    public void Any_other_id_is_a_plain_workflow(string id)
    {
        WorkflowSession plain = new(new Dictionary<string, object?>(), id);
        Assert.Multiple(() =>
        {
            Assert.That((plain.WorkflowId, plain.InstanceId), Is.EqualTo((id, (string?)null)));
            Assert.That((new WorkflowSummary(id).WorkflowId, new WorkflowSummary(id).InstanceId), Is.EqualTo((id, (string?)null)));
        });
    }

    [Test]
    public void Workflow_id_that_leaves_no_room_for_the_instance_is_refused()
    {
        Assert.Multiple(() =>
        {
            Assert.That(WorkflowInstance.NewId(Longest), Has.Length.EqualTo(128));
            Assert.That(new WorkflowSummary(WorkflowInstance.NewId(Longest)).WorkflowId, Is.EqualTo(Longest));
            foreach (string? id in (string?[])[.. AdversarialNames.InvalidIds, null, $"{Longest}x"])
            {
                AssertRefused(() => WorkflowInstance.NewId(id!));
                AssertRefused(() => WorkflowInstance.IdOf(id!, "bbbbbbbbbbbb"));
                AssertRefused(() => WorkflowInstance.IdOf(id!, "malformed"));
                AssertRefused(() => WorkflowInstance.Of(id!, []));
            }

            Assert.That(
                () => WorkflowInstance.NewId($"{Longest}x"),
                Throws.ArgumentException.With.Message.Contains("has 116 UTF-16 units. Use 1 to 115")
            );
        });

        static void AssertRefused(Func<object?> call) =>
            Assert.That(() => call(), Throws.InstanceOf<ArgumentException>().With.Property("ParamName").EqualTo("workflowId"));
    }

    [TestCaseSource(nameof(Malformed))]
    public async Task Malformed_instance_id_finds_nothing(string? instanceId)
    {
        InMemorySessionStoreFactory store = new();
        Assert.That(WorkflowInstance.IdOf("import", instanceId), Is.Null);
        Assert.That(await WorkflowSession.FindAsync(store.Open("alice"), "import", instanceId), Is.Null);
    }

    [Test]
    public void Start_and_find_refuse_a_missing_session()
    {
        Assert.That(async () => await WorkflowSession.StartAsync(null!, "import"), Throws.ArgumentNullException);
        Assert.That(async () => await WorkflowSession.FindAsync(null!, "import", "malformed"), Throws.ArgumentNullException);
    }

    [Test]
    public async Task Instance_of_a_dictionary_is_in_the_slots_of_its_whole_id()
    {
        Dictionary<string, object?> session = [];
        WorkflowSession instance = await WorkflowSession.StartAsync(new DictionarySessionStore(session), "a_b");
        Assert.That(session, Is.Empty);
        instance.Set("step", 1);
        Assert.That(session, Does.ContainKey(FlatKeyLayout.EntryKey($"a_b~{instance.InstanceId}", "step")));
    }

    [Test]
    public async Task Instances_count_as_workflows_of_the_session()
    {
        InMemorySessionStoreFactory store = new(new InMemorySessionStoreOptions { MaxWorkflows = 3 });
        for (int i = 0; i < 3; i++)
        {
            await CommitAsync(await WorkflowSession.StartAsync(store.Open("alice"), "import"));
        }

        WorkflowSession fourth = await WorkflowSession.StartAsync(store.Open("alice"), "import");
        Assert.That(async () => await CommitAsync(fourth), Throws.InstanceOf<WorkflowLimitException>());
        Assert.That(await WorkflowSession.FindAsync(store.Open("alice"), "import", fourth.InstanceId), Is.Null);

        WorkflowSummary over = (await store.Open("alice").ListAsync())[0];
        WorkflowSession ending = (await WorkflowSession.FindAsync(store.Open("alice"), "import", over.InstanceId))!;
        ending.End();
        await ending.CommitAsync();
        await CommitAsync(fourth);
        Assert.That(WorkflowInstance.Of("import", await store.Open("alice").ListAsync()), Has.Count.EqualTo(3));

        static async Task CommitAsync(WorkflowSession workflow)
        {
            workflow.Set("x", 1);
            await workflow.CommitAsync();
        }
    }

    [Test]
    public void No_two_pairs_of_workflow_and_instance_share_an_id()
    {
        Gen<(string WorkflowId, string? InstanceId)> names =
            from prefix in Gen.Elements("", "a", "a~", "~", "a~bbbbbbbbbbbb", "_", "%", "\u0130")
            from suffix in Gen.Elements("a", "~", "x", "~bbbbbbbbbbbb")
            from adversarial in Gen.Elements<string>([.. AdversarialNames.All.Where(id => id.Length <= 115)])
            from isAdversarial in Gen.Elements(true, false)
            from characters in Gen.ArrayOf(Gen.Elements<char>([.. "ab_-Z09"]), 12)
            from known in Gen.Elements(true, false)
            from isInstance in Gen.Elements(true, false)
            select (
                isAdversarial ? adversarial : prefix + suffix,
                !isInstance ? null
                : known ? "bbbbbbbbbbbb"
                : new string(characters)
            );
        RandomInput.Check(
            Gen.Zip(names, names),
            20_000,
            pair =>
            {
                string first = IdOf(pair.Item1);
                string second = IdOf(pair.Item2);
                AssertSplits(pair.Item1, first);
                AssertSplits(pair.Item2, second);
                // A plain id that ends as an instance does is that instance, by design.
                Assert.That(
                    string.Equals(first, second, StringComparison.Ordinal),
                    Is.EqualTo(Normal(pair.Item1) == Normal(pair.Item2)),
                    $"'{first}' and '{second}'"
                );
            }
        );

        static string IdOf((string WorkflowId, string? InstanceId) name) =>
            name.InstanceId is null ? name.WorkflowId : WorkflowInstance.IdOf(name.WorkflowId, name.InstanceId)!;

        // The specification once more, as a pattern.
        static (string, string?) Normal((string WorkflowId, string? InstanceId) name) =>
            name.InstanceId is null
            && System.Text.RegularExpressions.Regex.Match(name.WorkflowId, @"\A([\s\S]+)~([A-Za-z0-9_-]{12})\z") is { Success: true } match
                ? (match.Groups[1].Value, match.Groups[2].Value)
                : name;

        static void AssertSplits((string WorkflowId, string? InstanceId) name, string id)
        {
            WorkflowSummary summary = new(id);
            Assert.That((summary.WorkflowId, summary.InstanceId), Is.EqualTo(Normal(name)), id);
        }
    }

    private static IEnumerable<TestCaseData> Malformed()
    {
        string?[] all =
        [
            null,
            "",
            "~",
            "~~~~~~~~~~~~",
            "bbbbbbbbbbb",
            "bbbbbbbbbbbbb",
            "bbbbbbbbbbb=",
            "bbbbbb+bbbbb",
            "bbbbbb/bbbbb",
            "bbbbbb bbbbb",
            "bbbbbb\0bbbbb",
            "bbbbbb\nbbbbb",
            "bbbbbb\u0131bbbbb",
            "bbbbbb\u0661bbbbb",
            "bbbbbb\uD83Dbbbbb",
            "%62bbbbbbbbb",
            new('b', 1_048_576),
        ];
        return all.Select((text, index) => new TestCaseData(text).SetArgDisplayNames($"{index}"));
    }
}
