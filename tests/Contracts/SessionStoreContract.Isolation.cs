using System.Globalization;

namespace WorkflowSessions.Contracts;

public abstract partial class SessionStoreContract
{
    [Test]
    public async Task No_workflow_sees_or_touches_another()
    {
        await ForAllNamesAsync();
    }

    [Test]
    public async Task No_workflow_sees_or_touches_another_under_a_culture_with_rules_of_its_own()
    {
        CultureInfo before = CultureInfo.CurrentCulture;
        CultureInfo.CurrentCulture = CultureInfo.GetCultureInfo("tr-TR");
        try
        {
            await ForAllNamesAsync();
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }
    }

    [Test]
    public async Task Key_that_looks_like_the_rest_of_an_id_is_another_slot()
    {
        // Id "a" with key "b_x", id "a_b" with key "x", and so on: what is written one behind the other is the same text.
        (string Id, string Key)[] slots =
        [
            ("a", "b_c_x"),
            ("a_b", "c_x"),
            ("a_b_c", "x"),
            ("a_", "b_c_x"),
            ("a", "_b_c_x"),
            ("a%5Fb", "c_x"),
        ];
        foreach ((string id, string key) in slots)
        {
            WorkflowSession workflow = await OpenAsync(id);
            workflow.Set(key, id);
            await workflow.CommitAsync();
        }

        foreach ((string id, string key) in slots)
        {
            WorkflowSession workflow = await OpenAsync(id);
            IEnumerable<string> expected = slots
                .Where(slot => string.Equals(slot.Id, id, StringComparison.Ordinal))
                .Select(slot => slot.Key);
            Assert.That(workflow.GetAll().Keys, Is.EquivalentTo(expected), id);
            Assert.That(workflow.Get<string>(key), Is.EqualTo(id));
        }
    }

    [Test]
    public async Task Keys_are_compared_ordinally()
    {
        WorkflowSession workflow = await OpenAsync();
        foreach (string key in AdversarialNames.All)
        {
            Assert.That(workflow.Has(key), Is.False, Escape(key));
            workflow.Set(key, key);
        }

        await InThisAndNextRequestAsync(
            workflow,
            w =>
            {
                Assert.That(w.Count, Is.EqualTo(AdversarialNames.All.Count));
                Assert.That(w.GetAll().Keys, Is.EquivalentTo(AdversarialNames.All));
                foreach (string key in AdversarialNames.All)
                {
                    Assert.That(w.Get<string>(key), Is.EqualTo(key), Escape(key));
                }
            }
        );
    }

    [Test]
    public async Task No_session_sees_or_touches_another()
    {
        string[] sessions = ["alice", "Alice", "alice_", "bob", "a:b", "\u00E9", "e\u0301"];
        foreach (string session in sessions)
        {
            WorkflowSession workflow = await OpenAsync("checkout", session);
            Assert.That(workflow.Count, Is.Zero, session);
            workflow.Set("x", session);
            await workflow.CommitAsync();
        }

        WorkflowSession cleared = await OpenAsync("checkout", "bob");
        cleared.Clear();
        await cleared.CommitAsync();
        foreach (string session in sessions)
        {
            WorkflowSession workflow = await OpenAsync("checkout", session);
            Assert.That(
                workflow.Get("x", "cleared"),
                Is.EqualTo(string.Equals(session, "bob", StringComparison.Ordinal) ? "cleared" : session)
            );
        }
    }

    private async Task ForAllNamesAsync()
    {
        // Each workflow gets one entry, then a third of them is cleared, a third ended: whoever shares anything shows it.
        foreach (string name in AdversarialNames.All)
        {
            WorkflowSession workflow = await OpenAsync(name);
            Assert.That(workflow.Count, Is.Zero, $"{Escape(name)} is not empty at first");
            Assert.That(workflow.LastModified, Is.Null, $"{Escape(name)} has a stamp at first");
            workflow.Set("x", name);
            await workflow.CommitAsync();
        }

        for (int i = 0; i < AdversarialNames.All.Count; i++)
        {
            WorkflowSession workflow = await OpenAsync(AdversarialNames.All[i]);
            Assert.That(workflow.Get<string>("x"), Is.EqualTo(workflow.Id), Escape(workflow.Id));
            Assert.That(workflow.Count, Is.EqualTo(1), Escape(workflow.Id));
            if (i % 3 == 0)
            {
                workflow.Clear();
            }
            else if (i % 3 == 1)
            {
                workflow.End();
            }

            await workflow.CommitAsync();
        }

        for (int i = 0; i < AdversarialNames.All.Count; i++)
        {
            WorkflowSession workflow = await OpenAsync(AdversarialNames.All[i]);
            Assert.That(workflow.Count, Is.EqualTo(i % 3 == 2 ? 1 : 0), Escape(workflow.Id));
            Assert.That(workflow.LastModified, i % 3 == 1 ? Is.Null : Is.Not.Null, Escape(workflow.Id));
        }
    }

    private static string Escape(string name) =>
        string.Concat(name.Take(20).Select(c => c is > ' ' and < '\x7F' ? $"{c}" : $"\\u{(int)c:X4}"));
}
