using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using StackExchange.Redis;
using WorkflowSessions.Contracts;

namespace WorkflowSessions.Redis.Tests;

/// <summary>A server that is not there at start, goes away or refuses its clients: the words of errors and log, and who waits.</summary>
public sealed class ConnectionTests
{
    private const int NotConnected = 20;
    private const int ConnectedAgain = 21;

    // Longer than any wait that is promised here, so that a test fails that runs into it.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan AtOnce = TimeSpan.FromSeconds(3);

    [TestCase("closed port", "connection refused", false)]
    [TestCase("closed port", "connection refused", true)]
    [TestCase("unknown host", "host name is unknown", false)]
    [TestCase("unknown host", "host name is unknown", true)]
    [TestCase("unknown host, resolved by the client", "host name is unknown", false)]
    [TestCase("wrong password", "authentication failed", false)]
    [TestCase("wrong password", "authentication failed", true)]
    [TestCase("wrong password in a URI", "authentication failed", false)]
    [TestCase("no password", "authentication failed", false)]
    [TestCase("no password", "authentication failed", true)]
    [TestCase("plain client, TLS port", "closed the connection before it answered", false)]
    [TestCase("plain client, TLS port", "closed the connection before it answered", true)]
    [TestCase("TLS client, plain port", "TLS handshake failed", false)]
    [TestCase("TLS client, plain port", "TLS handshake failed", true)]
    [TestCase("unknown certificate", "TLS handshake failed", false)]
    [TestCase("unknown certificate in a URI", "TLS handshake failed", false)]
    public async Task Cause_is_in_the_error_and_once_in_the_log_and_no_later_operation_waits(
        string cause,
        string expected,
        bool isOfApplication
    )
    {
        using TlsServer server = await TlsServer.StartAsync();
        LogOfTest log = new();
        string address = cause switch
        {
            "closed port" => "127.0.0.1:1",
            "unknown host" => "nowhere.invalid:6379",
            "unknown host, resolved by the client" => "nowhere.invalid:6379,resolveDns=true",
            "wrong password" => $"{server.Address},password=hunter2",
            "wrong password in a URI" => $"redis://:hunter2@{server.Address}",
            "no password" => server.Address,
            "plain client, TLS port" => $"{server.TlsAddress},password=pass",
            "TLS client, plain port" => $"{server.Address},password=pass,ssl=true",
            "unknown certificate" => $"{server.TlsAddress},password=pass,ssl=true",
            "unknown certificate in a URI" => $"rediss://:pass@{server.TlsAddress}",
            _ => throw new ArgumentOutOfRangeException(nameof(cause)),
        };
        RedisSessionStoreOptions options = new() { CommandTimeout = Patience, LoggerFactory = log };
        await using ConnectionMultiplexer? connection = isOfApplication
            ? await ConnectionMultiplexer.ConnectAsync($"{address},abortConnect=false")
            : null;
        using RedisSessionStoreFactory sessions = connection is null
            ? RedisSessionStoreFactory.Connect(address, options)
            : new RedisSessionStoreFactory(connection, options);
        SessionStoreException first = await FailedAsync(() => new WorkflowSession(sessions.Open("alice"), "checkout").LoadAsync());
        Assert.That(
            first.Message,
            Does.Match($"^Workflow 'checkout' could not be loaded\\. Not connected to Redis for \\d+ s: .*{expected}")
        );
        Assert.That(first.MayBeStored, Is.False);
        Assert.That(first.InnerException, Is.Not.Null);

        long begun = Stopwatch.GetTimestamp();
        SessionStoreException second = await FailedAsync(() => sessions.Open("alice").EndAsync());
        Assert.That(second.Message, Does.Contain(expected));
        Assert.That(Stopwatch.GetElapsedTime(begun), Is.LessThan(AtOnce));

        Assert.That(await log.FirstAsync(NotConnected), Does.Match($"^Not connected to Redis for \\d+ s: .*{expected}"));
        Assert.That(log.Of(NotConnected), Has.Length.EqualTo(1));
        Assert.That(first.ToString() + second + log.Of(NotConnected)[0], Does.Not.Contain("hunter2"));
    }

    [Test]
    public async Task Certificate_that_the_application_trusts_is_used()
    {
        using TlsServer server = await TlsServer.StartAsync();
        ConfigurationOptions trusting = RedisAddress.Parse($"rediss://:pass@{server.TlsAddress}/1");
        trusting.CertificateValidation += (_, certificate, _, _) => certificate?.GetCertHashString() == server.Thumbprint;
        await using ConnectionMultiplexer connection = await ConnectionMultiplexer.ConnectAsync(trusting);
        using RedisSessionStoreFactory sessions = new(connection);
        WorkflowSession workflow = new(sessions.Open("alice"), "checkout");
        await workflow.UpdateAsync(w => w.Set("x", 1));
        Assert.That(await connection.GetServer(server.TlsAddress).DatabaseSizeAsync(1), Is.Positive);
        await sessions.Open("alice").EndAsync();
    }

    [Test]
    public async Task Host_starts_and_gives_the_factory_at_once_while_the_server_is_out_of_reach()
    {
        using TcpListener silent = Silent();
        HostApplicationBuilder builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.Services.AddWorkflowSessions().AddRedisStore($"{silent.LocalEndpoint},connectTimeout=20000");
        using IHost host = builder.Build();
        long begun = Stopwatch.GetTimestamp();
        await host.StartAsync();
        BufferedSessionStore session = host.Services.GetRequiredService<ISessionStoreFactory>().Open("alice");
        Assert.That(Stopwatch.GetElapsedTime(begun), Is.LessThan(AtOnce));
        Assert.That(session.Capabilities.AtomicCommit, Is.True);
    }

    [Test]
    public async Task First_connection_is_waited_for_no_longer_than_CommandTimeout()
    {
        using TcpListener silent = Silent();
        using RedisSessionStoreFactory sessions = RedisSessionStoreFactory.Connect(
            $"{silent.LocalEndpoint},connectTimeout=20000",
            new RedisSessionStoreOptions { CommandTimeout = TimeSpan.FromMilliseconds(200) }
        );
        SessionStoreException error = await FailedAsync(() => new WorkflowSession(sessions.Open("alice"), "checkout").LoadAsync());
        Assert.That(error.Message, Does.Contain("the first connection is still being made").And.Contain("connectTimeout"));
        using CancellationTokenSource source = new();
        Task load = new WorkflowSession(sessions.Open("alice"), "checkout").LoadAsync(source.Token).AsTask();
        await source.CancelAsync();
        Assert.That(async () => await load, Throws.InstanceOf<OperationCanceledException>());
    }

    [TestCase(false)]
    [TestCase(true)]
    public async Task Server_that_is_down_is_told_at_once_and_used_again_when_it_is_back(bool isOfApplication)
    {
        using RedisServer server = await RedisServer.StartAsync();
        LogOfTest log = new();
        RedisSessionStoreOptions options = new() { CommandTimeout = Patience, LoggerFactory = log };
        string address = $"{server.Address},connectTimeout=1000";
        await using ConnectionMultiplexer? connection = isOfApplication ? await ConnectionMultiplexer.ConnectAsync(address) : null;
        using RedisSessionStoreFactory sessions = connection is null
            ? RedisSessionStoreFactory.Connect(address, options)
            : new RedisSessionStoreFactory(connection, options);
        WorkflowSession workflow = await CommittedAsync(sessions);
        Assert.That(log.Of(NotConnected), Is.Empty);

        server.Kill();
        Assert.That(await log.FirstAsync(NotConnected), Does.Contain("connection refused"));
        workflow.Set("x", 2);
        long begun = Stopwatch.GetTimestamp();
        SessionStoreException error = await FailedAsync(() => workflow.CommitAsync());
        Assert.That(Stopwatch.GetElapsedTime(begun), Is.LessThan(AtOnce));
        Assert.That(error.MayBeStored, Is.False);
        Assert.That(error.Message, Does.Contain("could not be committed. Not connected").And.Contain("connection refused"));

        await server.RunAsync();
        Assert.That(await log.FirstAsync(ConnectedAgain), Does.Match(@"^Connected to Redis again after \d+ s\.$"));
        Assert.That(log.Of(NotConnected), Has.Length.EqualTo(1));
        await CommittedAsync(sessions);
    }

    [Test]
    public async Task Requests_that_try_again_without_a_pause_leave_the_client_threads_to_reconnect_on()
    {
        const int Requests = 48;
        using RedisServer server = await RedisServer.StartAsync();
        LogOfTest log = new();
        using RedisSessionStoreFactory sessions = RedisSessionStoreFactory.Connect(
            $"{server.Address},connectTimeout=1000",
            new RedisSessionStoreOptions { CommandTimeout = Patience, LoggerFactory = log }
        );
        await CommittedAsync(sessions);
        server.Kill();
        await log.FirstAsync(NotConnected);
        int failures = 0;
        long begun = Stopwatch.GetTimestamp();
        Task[] requests = [.. Enumerable.Range(0, Requests).Select(_ => Task.Run(UntilLoadedAsync))];
        await server.RunAsync();
        await Task.WhenAll(requests);
        // Each failure takes 20 ms, by a timer that may be a little early.
        Assert.That(failures, Is.InRange(1, Requests * Stopwatch.GetElapsedTime(begun).TotalMilliseconds / 15));

        async Task UntilLoadedAsync()
        {
            for (WorkflowSession workflow = new(sessions.Open("alice"), "checkout"); ; )
            {
                try
                {
                    await workflow.LoadAsync();
                    return;
                }
                catch (SessionStoreException)
                {
                    Interlocked.Increment(ref failures);
                }
            }
        }
    }

    [Test]
    public async Task Password_that_was_changed_is_told_and_is_no_longer_when_it_is_set_back()
    {
        using RedisServer server = await RedisServer.StartAsync("--requirepass", "pass");
        await using ConnectionMultiplexer admin = await ConnectionMultiplexer.ConnectAsync(
            $"{server.Address},allowAdmin=true,password=pass"
        );
        LogOfTest log = new();
        using RedisSessionStoreFactory sessions = RedisSessionStoreFactory.Connect(
            $"redis://:pass@{server.Address}",
            new RedisSessionStoreOptions { CommandTimeout = Patience, LoggerFactory = log }
        );
        WorkflowSession workflow = await CommittedAsync(sessions);
        await admin.GetDatabase().ExecuteAsync("CONFIG", "SET", "requirepass", "changed");
        await admin.GetDatabase().ExecuteAsync("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
        Assert.That(await log.FirstAsync(NotConnected), Does.Contain("authentication failed"));
        SessionStoreException error = await FailedAsync(() => workflow.LoadAsync());
        Assert.That(error.Message, Does.Contain("authentication failed"));
        await admin.GetDatabase().ExecuteAsync("CONFIG", "SET", "requirepass", "pass");
        await log.FirstAsync(ConnectedAgain);
        await workflow.LoadAsync();
    }

    [Test]
    public async Task Short_cut_fails_no_operation_and_is_not_logged()
    {
        using RedisServer server = await RedisServer.StartAsync();
        await using FaultyProxy proxy = FaultyProxy.Start(server.Port);
        LogOfTest log = new();
        using RedisSessionStoreFactory sessions = RedisSessionStoreFactory.Connect(
            proxy.Address,
            new RedisSessionStoreOptions { CommandTimeout = Patience, LoggerFactory = log }
        );
        for (int i = 0; i < 20; i++)
        {
            await CommittedAsync(sessions);
            proxy.Cut();
        }

        await CommittedAsync(sessions);
        Assert.That(log.Of(NotConnected).Concat(log.Of(ConnectedAgain)), Is.Empty);
    }

    [Test]
    public async Task Operation_waits_for_a_server_that_is_down_where_FailFast_is_off()
    {
        using RedisServer server = await RedisServer.StartAsync();
        LogOfTest log = new();
        using RedisSessionStoreFactory sessions = RedisSessionStoreFactory.Connect(
            $"{server.Address},connectTimeout=1000,asyncTimeout=30000",
            new RedisSessionStoreOptions
            {
                CommandTimeout = Patience,
                LoggerFactory = log,
                FailFast = false,
            }
        );
        WorkflowSession workflow = await CommittedAsync(sessions);
        server.Kill();
        await log.FirstAsync(NotConnected);
        Task load = workflow.LoadAsync().AsTask();
        await server.RunAsync();
        await load;
        Assert.That(workflow.Has("x"), Is.False);
    }

    [Test]
    public async Task Disposing_the_factory_while_it_connects_ends_those_who_wait_and_the_connection()
    {
        using TcpListener silent = Silent();
        RedisSessionStoreFactory sessions = RedisSessionStoreFactory.Connect(
            $"{silent.LocalEndpoint},connectTimeout=1000",
            new RedisSessionStoreOptions { CommandTimeout = Patience }
        );
        Task load = new WorkflowSession(sessions.Open("alice"), "checkout").LoadAsync().AsTask();
        using Socket accepted = await silent.AcceptSocketAsync();
        sessions.Dispose();
        SessionStoreException error = await FailedAsync(() => new ValueTask(load));
        Assert.That(error.InnerException, Is.InstanceOf<ObjectDisposedException>());
        using CancellationTokenSource limit = new(Patience);
        byte[] buffer = new byte[4096];
        while (await accepted.ReceiveAsync(buffer, limit.Token) > 0)
        {
            // What the client sent before it was told to stop.
        }
    }

    [Test]
    public async Task Commit_that_is_on_its_way_when_the_factory_is_disposed_is_stored_where_the_server_answers()
    {
        using RedisServer server = await RedisServer.StartAsync();
        await using FaultyProxy proxy = FaultyProxy.Start(server.Port);
        RedisSessionStoreFactory sessions = RedisSessionStoreFactory.Connect(
            proxy.Address,
            new RedisSessionStoreOptions { CommandTimeout = Patience }
        );
        WorkflowSession workflow = await CommittedAsync(sessions);
        TaskCompletionSource isOnItsWay = new(TaskCreationOptions.RunContinuationsAsynchronously);
        proxy.OnReply = async bytes =>
        {
            isOnItsWay.TrySetResult();
            await Task.Delay(TimeSpan.FromMilliseconds(200));
            return bytes.Length;
        };
        workflow.Set("x", 2);
        Task commit = workflow.CommitAsync().AsTask();
        await isOnItsWay.Task;
        sessions.Dispose();
        await commit;
        Assert.That(workflow.HasChanges, Is.False);
    }

    [TestCase("frozen")]
    [TestCase("out of reach")]
    public async Task Commit_that_is_on_its_way_when_the_factory_is_disposed_is_unknown_where_the_server_does_not_answer(string fault)
    {
        using RedisServer server = await RedisServer.StartAsync();
        await using FaultyProxy proxy = FaultyProxy.Start(server.Port);
        RedisSessionStoreFactory sessions = RedisSessionStoreFactory.Connect(
            $"{proxy.Address},asyncTimeout=60000,syncTimeout=60000",
            new RedisSessionStoreOptions { CommandTimeout = TimeSpan.FromSeconds(60) }
        );
        WorkflowSession workflow = await CommittedAsync(sessions);
        TaskCompletionSource isOnItsWay = new(TaskCreationOptions.RunContinuationsAsynchronously);
        proxy.OnRequest = bytes =>
        {
            isOnItsWay.TrySetResult();
            return new ValueTask<int>(fault == "frozen" ? bytes.Length : 0);
        };
        if (fault == "frozen")
        {
            server.Freeze();
        }
        else
        {
            proxy.Refuses = true;
        }

        workflow.Set("x", 2);
        Task commit = workflow.CommitAsync().AsTask();
        await isOnItsWay.Task;
        long begun = Stopwatch.GetTimestamp();
        sessions.Dispose();
        SessionStoreException error = await FailedAsync(() => new ValueTask(commit));
        Assert.That(Stopwatch.GetElapsedTime(begun), Is.LessThan(TimeSpan.FromSeconds(10)));
        Assert.That(error.MayBeStored, Is.True);
        Assert.That(workflow.HasChanges, Is.True);
        SessionStoreException later = await FailedAsync(() => workflow.CommitAsync());
        Assert.That(later.MayBeStored, Is.False);
        Assert.That(later.InnerException, Is.InstanceOf<ObjectDisposedException>());
    }

    [Test]
    public async Task Connection_that_the_application_closed_is_told_at_once()
    {
        ConnectionMultiplexer connection = await ConnectionMultiplexer.ConnectAsync(await RedisServer.SharedAddressAsync());
        using RedisSessionStoreFactory sessions = new(connection, new RedisSessionStoreOptions { CommandTimeout = Patience });
        WorkflowSession workflow = new(sessions.Open("alice"), "checkout");
        await workflow.LoadAsync();
        workflow.Set("x", 1);
        await connection.DisposeAsync();
        SessionStoreException error = await FailedAsync(() => workflow.CommitAsync());
        Assert.That(error.MayBeStored, Is.False);
        Assert.That(error.InnerException, Is.InstanceOf<ObjectDisposedException>());
    }

    private static async Task<WorkflowSession> CommittedAsync(RedisSessionStoreFactory sessions)
    {
        WorkflowSession workflow = new(sessions.Open("alice"), "checkout");
        await workflow.LoadAsync();
        workflow.Set("x", 1);
        await workflow.CommitAsync();
        return workflow;
    }

    private static async Task<SessionStoreException> FailedAsync(Func<ValueTask> operation) =>
        (await Assert.ThrowsAsync<SessionStoreException>(async () => await operation()))!;

    /// <summary>A server that takes connections and never answers.</summary>
    private static TcpListener Silent()
    {
        TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();
        return listener;
    }
}
