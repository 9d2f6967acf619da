using Microsoft.Extensions.Logging;
using WorkflowSessions.Contracts;

namespace WorkflowSessions.Tests;

/// <summary>A workflow id or a key with control characters can't forge a line of a log.</summary>
public sealed class PrintableNamesTests
{
    private static readonly (string Name, string Shown)[] Names =
    [
        ("a\r\nerror: forged", "a\\u000D\\u000Aerror: forged"),
        ("a\u2028forged", "a\\u2028forged"),
        ("a\u2029forged", "a\\u2029forged"),
        ("a\u0085forged", "a\\u0085forged"),
        ("a\u001B[2Jforged", "a\\u001B[2Jforged"),
        ("a\u202Eforged", "a\\u202Eforged"),
        ("a\0forged", "a\\u0000forged"),
        ("a\U000E0001forged", "a\\U000E0001forged"),
        ("zażółć 日本語 🙂", "zażółć 日本語 🙂"),
    ];

    private static IEnumerable<TestCaseData> Cases =>
        Names.Select((name, index) => new TestCaseData(name.Name, name.Shown).SetArgDisplayNames($"name {index}"));

    [TestCaseSource(nameof(Cases))]
    public async Task Message_of_an_exception_shows_a_name_escaped(string name, string shown)
    {
        InMemorySessionStoreFactory store = new(new InMemorySessionStoreOptions { MaxEntries = 1, MaxSessions = 1 });
        WorkflowSession workflow = new(store.Open("session"), name);
        List<Exception?> errors = [Assert.Throws<InvalidOperationException>(() => workflow.Has("key"))];
        await workflow.LoadAsync();
        workflow.Set(name, "text");
        errors.Add(Assert.Throws<WorkflowValueException>(() => workflow.Get<int>(name)));
        errors.Add(Assert.Throws<WorkflowLimitException>(() => workflow.Set("another", 1)));
        errors.Add(await Assert.ThrowsAsync<InvalidOperationException>(async () => await workflow.UpdateAsync(_ => { })));
        store.FailNextCommit();
        errors.Add(await Assert.ThrowsAsync<SessionStoreException>(async () => await workflow.CommitAsync()));
        await workflow.CommitAsync();
        errors.Add(
            await Assert.ThrowsAsync<InvalidOperationException>(async () =>
                await workflow.UpdateAsync(async w => await w.UpdateAsync(_ => { }))
            )
        );
        errors.Add(
            await Assert.ThrowsAsync<SessionStoreException>(async () =>
                await new WorkflowSession(store.Open("one too many"), name).UpdateAsync(w => w.Set("key", 1))
            )
        );
        workflow.Set(name, 1);
        await store.Open("session").EndAsync();
        errors.Add(await Assert.ThrowsAsync<WorkflowConflictException>(async () => await workflow.CommitAsync()));
        errors.Add(
            Assert.Throws<ArgumentException>(() =>
            {
                InMemorySessionStoreOptions options = new();
                options.Workflow(name, one => one.IdleTimeout = TimeSpan.Zero);
                options.ThrowIfInvalid();
            })
        );
        Assert.That(errors.Select(error => error!.Message), Has.All.Contain($"'{shown}'"));
        Assert.That(
            errors.OfType<WorkflowSessionException>().Select(error => error.WorkflowId),
            Has.All.EqualTo(name),
            "the property is exact"
        );
    }

    [TestCaseSource(nameof(Cases))]
    public void Log_message_shows_a_name_escaped(string name, string shown)
    {
        LogOfTest log = new();
        ILogger logger = log;
        logger.LogLoadFailed(name, "Store", "Error");
        logger.LogCommitFailed(name, "Store", "Error", mayBeStored: false);
        logger.LogCommitRefused(name, "Store", CommitOutcome.Ended);
        logger.LogUpdateRunsAgain(name, "Store");
        logger.LogRenewalFailed(name, "Store", "Error");
        Assert.That(log.Messages, Has.Count.EqualTo(5).And.All.Contain($"workflow {shown}").IgnoreCase);
    }
}
