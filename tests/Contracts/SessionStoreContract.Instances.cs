namespace WorkflowSessions.Contracts;

public abstract partial class SessionStoreContract
{
    [Test]
    public async Task Two_instances_of_one_workflow_are_independent()
    {
        WorkflowSession first = await StartAsync("import", "first");
        WorkflowSession second = await StartAsync("import", "second");
        WorkflowSession plain = await OpenAsync("import");
        Assert.That(plain.Count, Is.Zero, "the plain workflow is no instance");
        plain.Set("name", "plain");
        await plain.CommitAsync();

        Assert.That(first.InstanceId, Is.Not.EqualTo(second.InstanceId));
        Assert.That((await FindAsync("import", first.InstanceId))?.Get<string>("name"), Is.EqualTo("first"));
        Assert.That((await FindAsync("import", second.InstanceId))?.Get<string>("name"), Is.EqualTo("second"));

        WorkflowSession ended = (await FindAsync("import", first.InstanceId))!;
        ended.End();
        await ended.CommitAsync();
        Assert.That(await FindAsync("import", first.InstanceId), Is.Null, "it has ended");
        Assert.That((await FindAsync("import", second.InstanceId))?.Get<string>("name"), Is.EqualTo("second"));
        Assert.That((await OpenAsync("import")).Get<string>("name"), Is.EqualTo("plain"));
    }

    [Test]
    public async Task Instance_is_not_stored_before_its_first_commit_and_not_by_looking()
    {
        WorkflowSession started = await WorkflowSession.StartAsync(Harness.Open("alice"), "import");
        Assert.That(await FindAsync("import", started.InstanceId), Is.Null);
        Assert.That(await FindAsync("import", started.InstanceId), Is.Null, "looking began it");
        started.Set("name", "x");
        await started.CommitAsync();
        Assert.Multiple(async () =>
        {
            Assert.That(await FindAsync("import", started.InstanceId), Is.Not.Null);
            Assert.That(await FindAsync("export", started.InstanceId), Is.Null, "another workflow's");
            Assert.That(await FindAsync("import", started.InstanceId, "bob"), Is.Null, "another session's");
        });
    }

    [Test]
    public async Task List_names_the_instances_of_a_workflow()
    {
        if (!Harness.Promised.Listing)
        {
            Assert.That(async () => await Harness.Open("alice").ListAsync(), Throws.InstanceOf<NotSupportedException>());
            return;
        }

        List<string?> expected = [];
        for (int i = 0; i < 3; i++)
        {
            expected.Add((await StartAsync("a_b", "x")).InstanceId);
        }

        // Neither of these is an instance of a_b.
        _ = await StartAsync("a", "x");
        foreach (
            string id in new[]
            {
                "a_b",
                "a_b~",
                "a_b~short",
                "a_b~bbbbbbbbbbb",
                "a_b~bbbbbbbbbbbbb",
                "a_b~bbbbbb.bbbbb",
                "a_b~~bbbbbbbbbbbb",
            }
        )
        {
            WorkflowSession other = await OpenAsync(id);
            other.Set("x", 1);
            await other.CommitAsync();
        }

        WorkflowSession ended = (await FindAsync("a_b", expected[0]))!;
        ended.End();
        await ended.CommitAsync();
        IReadOnlyList<WorkflowSummary> instances = WorkflowInstance.Of("a_b", await Harness.Open("alice").ListAsync());
        Assert.Multiple(() =>
        {
            Assert.That(instances.Select(instance => instance.InstanceId), Is.EquivalentTo(expected.Skip(1)));
            Assert.That(instances.Select(instance => instance.WorkflowId), Is.All.EqualTo("a_b"));
        });
    }

    [Test]
    public async Task Instance_that_is_opened_by_its_whole_id_is_that_instance()
    {
        WorkflowSession plain = await OpenAsync("a~bbbbbbbbbbbb");
        plain.Set("name", "x");
        await plain.CommitAsync();
        WorkflowSession? instance = await FindAsync("a", "bbbbbbbbbbbb");
        Assert.That(instance?.Get<string>("name"), Is.EqualTo("x"));
        Assert.That(instance?.Id, Is.EqualTo("a~bbbbbbbbbbbb"));
    }

    [Test]
    public async Task Instances_of_the_longest_and_of_adversarial_ids_share_nothing()
    {
        string[] ids = [.. AdversarialNames.All.Where(id => id.Length <= 115), new('\u8A9E', 115), "a~bbbbbbbbbbbb", "~", "a~"];
        List<WorkflowSession> started = [];
        foreach (string id in ids)
        {
            started.Add(await StartAsync(id, id));
        }

        foreach (WorkflowSession instance in started)
        {
            WorkflowSession? found = await FindAsync(instance.WorkflowId, instance.InstanceId);
            Assert.That(found?.Get<string>("name"), Is.EqualTo(instance.WorkflowId), Escape(instance.Id));
            Assert.That(found?.Count, Is.EqualTo(1), Escape(instance.Id));
            Assert.That((await OpenAsync(instance.WorkflowId)).Count, Is.Zero, Escape(instance.WorkflowId));
        }
    }

    private async Task<WorkflowSession> StartAsync(string workflowId, string name)
    {
        WorkflowSession workflow = await WorkflowSession.StartAsync(Harness.Open("alice"), workflowId);
        workflow.Set("name", name);
        await workflow.CommitAsync();
        return workflow;
    }

    private async Task<WorkflowSession?> FindAsync(string workflowId, string? instanceId, string sessionId = "alice") =>
        await WorkflowSession.FindAsync(Harness.Open(sessionId), workflowId, instanceId);
}
