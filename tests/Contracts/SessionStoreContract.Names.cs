namespace WorkflowSessions.Contracts;

public abstract partial class SessionStoreContract
{
    [Test]
    public void Invalid_id_is_refused()
    {
        ISessionStore session = Harness.Open("alice");
        Assert.Multiple(() =>
        {
            Assert.That(() => session.Open(null!), Throws.ArgumentNullException);
            foreach (string id in AdversarialNames.InvalidIds)
            {
                Assert.That(() => session.Open(id), Throws.InstanceOf<ArgumentException>(), Escape(id));
                Assert.That(() => new WorkflowSession(session, id), Throws.InstanceOf<ArgumentException>(), Escape(id));
            }
        });
    }

    [Test]
    public async Task Invalid_key_is_refused_by_every_operation_and_nothing_changes()
    {
        WorkflowSession workflow = await OpenAsync();
        DateTimeOffset set = Tick();
        workflow.Set("x", 1);
        workflow = await NextRequestAsync(workflow);
        _ = Tick();
        foreach (string key in AdversarialNames.InvalidKeys.Append(null!))
        {
            string name = key is null ? "null" : Escape(key);
            Action<WorkflowSession>[] operations =
            [
                w => w.Get<int>(key!),
                w => w.Get(key!, 1),
                w => w.TryGet(key!, out int _),
                w => w.Has(key!),
                w => w.Set(key!, 1),
                w => w.Delete(key!),
            ];
            foreach (Action<WorkflowSession> operation in operations)
            {
                Assert.That(
                    () => operation(workflow),
                    Throws.InstanceOf<ArgumentException>().With.Property("ParamName").EqualTo("key"),
                    name
                );
            }
        }

        Assert.That(workflow.HasChanges, Is.False);
        await InThisAndNextRequestAsync(
            workflow,
            w =>
            {
                Assert.That(w.GetAll(), Is.EqualTo(new Dictionary<string, object?> { ["x"] = 1 }));
                Assert.That(w.LastModified, Is.EqualTo(set));
            }
        );
    }

    [Test]
    public async Task Longest_names_are_accepted()
    {
        // In UTF-8 three bytes a unit.
        string id = new('\u8A9E', 128);
        string key = new('\u8A9E', 256);
        WorkflowSession workflow = await OpenAsync(id);
        workflow.Set(key, "x");
        await InThisAndNextRequestAsync(workflow, w => Assert.That(w.Get<string>(key), Is.EqualTo("x")));
    }
}
