using System.Security.Cryptography;

namespace WorkflowSessions.Contracts;

public abstract partial class SessionStoreContract
{
    [Test]
    public async Task Secret_of_a_session_is_verified_rotated_and_ended()
    {
        if (!await HasRecordAsync())
        {
            return;
        }

        byte[] first = RandomNumberGenerator.GetBytes(32);
        byte[] second = RandomNumberGenerator.GetBytes(32);
        await StoreAsync(("cart", 1));
        SessionSecret record = await RecordAsync();
        Assert.That(record.Exists, Is.False);
        Assert.That(record.Verify(first), Is.False, "an unknown session has no secret that fits");
        Assert.That(await record.RotateAsync(first, second), Is.False);
        Assert.That(await record.BeginAsync(first), Is.True);
        Assert.That(record.Verify(first), Is.True);
        Assert.That(await (await RecordAsync()).BeginAsync(second), Is.False, "it has begun");

        record = await RecordAsync();
        Assert.That(record.Exists, Is.True);
        Assert.That(record.Verify(first), Is.True);
        Assert.That(record.Verify(second), Is.False);
        Assert.That(record.Verify([]), Is.False);
        Assert.That(await record.RotateAsync(first, second), Is.True);
        Assert.That(await record.RotateAsync(first, second), Is.False, "the old one is useless");
        record = await RecordAsync();
        Assert.That(record.Verify(first), Is.False);
        Assert.That(record.Verify(second), Is.True);
        Assert.That((await OpenAsync()).Get<int>("cart"), Is.EqualTo(1), "no data moved");

        await Harness.Open("alice").EndAsync();
        record = await RecordAsync();
        Assert.That(record.Exists, Is.False);
        Assert.That(record.Verify(second), Is.False);
        Assert.That(async () => await record.BeginAsync(new byte[15]), Throws.ArgumentException.With.Message.Contains("16 bytes"));
    }

    [Test]
    public async Task Of_parallel_rotations_one_succeeds()
    {
        if (!await HasRecordAsync())
        {
            return;
        }

        byte[] current = RandomNumberGenerator.GetBytes(32);
        Assert.That(await (await RecordAsync()).BeginAsync(current), Is.True);
        byte[][] next = [.. Enumerable.Range(0, 8).Select(_ => RandomNumberGenerator.GetBytes(32))];
        Task<bool[]> rotations = Task.WhenAll(
            next.Select(secret => Task.Run(async () => await (await RecordAsync()).RotateAsync(current, secret)))
        );
        await Harness.WithRunningClockAsync(new ValueTask(rotations), TimeSpan.FromMilliseconds(1));
        bool[] succeeded = await rotations;
        Assert.That(succeeded.Count(one => one), Is.EqualTo(1));
        SessionSecret record = await RecordAsync();
        Assert.That(next.Select(secret => record.Verify(secret)), Is.EqualTo(succeeded));
    }

    [Test]
    public async Task Secret_of_a_session_is_no_workflow_of_the_application()
    {
        if (!await HasRecordAsync())
        {
            return;
        }

        Assert.That(await (await RecordAsync()).BeginAsync(RandomNumberGenerator.GetBytes(32)), Is.True);
        ISessionStore session = Harness.Open("alice");
        Assert.That(() => session.Open("$session"), Throws.ArgumentException.With.Message.Contains("own"));
        if (Harness.Promised.Listing)
        {
            Assert.That(await session.ListAsync(), Is.Empty);
        }
    }

    [Test]
    public async Task Secret_of_a_session_outlasts_its_workflows()
    {
        if (!await HasRecordAsync() || !Harness.Promised.ExpiryPerWorkflow)
        {
            return;
        }

        byte[] secret = RandomNumberGenerator.GetBytes(32);
        SessionSecret record = await RecordAsync();
        Assert.That(await record.BeginAsync(secret), Is.True);
        await Harness.PassAsync(TimeSpan.FromMinutes(15));
        await StoreAsync(("x", 1));
        await Harness.PassAsync(TimeSpan.FromMinutes(19));
        Assert.That((await OpenAsync()).Get<int>("x"), Is.EqualTo(1));
        Assert.That((await RecordAsync()).Verify(secret), Is.True);
        await Harness.PassAsync(TimeSpan.FromMinutes(39));
        Assert.That((await OpenAsync()).LastModified, Is.Null);
        Assert.That((await RecordAsync()).Verify(secret), Is.True);
        await Harness.PassAsync(TimeSpan.FromMinutes(41));
        Assert.That((await RecordAsync()).Exists, Is.False);
    }

    private async Task<SessionSecret> RecordAsync()
    {
        SessionSecret record = ((BufferedSessionStore)Harness.Open("alice")).Secret;
        await record.LoadAsync();
        return record;
    }

    /// <returns>Whether the store has a record and can replace its secret safely; what is not buffered has none, which is asserted.</returns>
    private async Task<bool> HasRecordAsync() => await MergesAsync();

    [Test]
    public async Task Replaced_secret_finds_the_current_one_for_its_user_within_the_grace_period()
    {
        if (!await HasRecordAsync())
        {
            return;
        }

        TimeSpan grace = TimeSpan.FromMinutes(1);
        byte[][] secrets = [.. Enumerable.Range(0, 4).Select(_ => RandomNumberGenerator.GetBytes(32))];
        byte[] ada = RandomNumberGenerator.GetBytes(32);
        byte[] bob = RandomNumberGenerator.GetBytes(32);
        SessionSecret record = await RecordAsync();
        await record.BeginAsync(secrets[0]);
        Assert.That(await record.RecoverAsync(secrets[0], ada, grace), Is.Null, "nobody has signed in");
        Assert.That(await record.RotateAsync(secrets[0], secrets[1], ada, grace), Is.True);
        Assert.That(await record.RotateAsync(secrets[0], secrets[2], ada, grace), Is.False, "the old one is useless");
        Assert.That((await record.RecoverAsync(secrets[0], ada, grace))?.ToArray(), Is.EqualTo(secrets[1]));
        Assert.That(await record.RotateAsync(secrets[1], secrets[2], ada, grace), Is.True);
        Assert.That((await record.RecoverAsync(secrets[0], ada, grace))?.ToArray(), Is.EqualTo(secrets[2]), "over both");
        Assert.That((await record.RecoverAsync(secrets[1], ada, grace))?.ToArray(), Is.EqualTo(secrets[2]));
        Assert.That(await record.RecoverAsync(secrets[0], bob, grace), Is.Null, "another user");
        Assert.That(await record.RecoverAsync(secrets[3], ada, grace), Is.Null, "a secret that never was one");
        Assert.That(await record.RecoverAsync(secrets[0], ada, TimeSpan.Zero), Is.Null, "turned off");
        Assert.That(await record.RotateAsync(secrets[2], secrets[3], bob, grace), Is.False, "it belongs to the first user for ever");
        Assert.That(await record.RotateAsync(secrets[2], secrets[3]), Is.True);
        Assert.That(await record.RecoverAsync(secrets[0], ada, grace), Is.Null, "a secret that was replaced for nobody finds nothing");
    }
}
