namespace WorkflowSessions.Contracts;

public abstract partial class SessionStoreContract
{
    [Test]
    public async Task Update_loads_changes_and_stores()
    {
        WorkflowSession workflow = new(Harness.Open("alice"), "checkout");
        await workflow.UpdateAsync(w => w.Set("n", w.Get("n", 0) + 1));
        await workflow.UpdateAsync(async w =>
        {
            await Task.Yield();
            w.Set("n", w.Get("n", 0) + 1);
        });
        await workflow.UpdateAsync(
            (w, _) =>
            {
                w.Set("n", w.Get("n", 0) + 1);
                return ValueTask.CompletedTask;
            }
        );
        int result = await workflow.UpdateAsync(
            async (w, cancellation) =>
            {
                await Task.Delay(1, cancellation);
                int n = w.Get("n", 0) + 1;
                w.Set("n", n);
                return n;
            }
        );
        Assert.That(result, Is.EqualTo(4));
        Assert.That(workflow.HasChanges, Is.False);
        Assert.That(workflow.Get<int>("n"), Is.EqualTo(4));
        Assert.That((await OpenAsync()).Get<int>("n"), Is.EqualTo(4));
    }

    [Test]
    public async Task Update_that_throws_changes_nothing()
    {
        WorkflowSession workflow = await OpenAsync();
        DateTimeOffset set = Tick();
        workflow.Set("x", 1);
        workflow.Set("y", 2);
        workflow = await NextRequestAsync(workflow);
        _ = Tick();
        InvalidOperationException failure = new("The card was declined.");
        Assert.That(
            async () =>
                await workflow.UpdateAsync(async w =>
                {
                    w.Set("x", 3);
                    await Task.Yield();
                    w.Delete("y");
                    w.Set("z", 4);
                    throw failure;
                }),
            Throws.Exception.SameAs(failure)
        );
        Assert.That(
            async () =>
                await workflow.UpdateAsync(
                    (Action<WorkflowSession>)(
                        w =>
                        {
                            w.End();
                            throw failure;
                        }
                    )
                ),
            Throws.Exception.SameAs(failure)
        );
        Assert.That(workflow.HasChanges, Is.False);
        await InThisAndNextRequestAsync(
            workflow,
            w =>
            {
                Assert.That(w.GetAll(), Is.EquivalentTo(new Dictionary<string, object?> { ["x"] = 1, ["y"] = 2 }));
                Assert.That(w.LastModified, Is.EqualTo(set));
            }
        );
    }

    [Test]
    public async Task Update_without_a_function_is_refused()
    {
        WorkflowSession workflow = await OpenAsync();
        Assert.Multiple(() =>
        {
            Assert.That(async () => await workflow.UpdateAsync((Action<WorkflowSession>)null!), Throws.ArgumentNullException);
            Assert.That(async () => await workflow.UpdateAsync((Func<WorkflowSession, Task>)null!), Throws.ArgumentNullException);
            Assert.That(
                async () => await workflow.UpdateAsync((Func<WorkflowSession, CancellationToken, ValueTask>)null!),
                Throws.ArgumentNullException
            );
            Assert.That(
                async () => await workflow.UpdateAsync((Func<WorkflowSession, CancellationToken, ValueTask<int>>)null!),
                Throws.ArgumentNullException
            );
        });
    }
}
