using System.Text;
using WorkflowSessions.Contracts;

namespace CheckoutWizard.Tests;

/// <summary>A network in front of a shop. Each reply takes 200 ms longer, and the reply to the first sign-in waits for the test.</summary>
internal sealed class SlowNetwork : IAsyncDisposable
{
    private static readonly TimeSpan Latency = TimeSpan.FromMilliseconds(200);

    private readonly FaultyProxy _proxy;
    private readonly TaskCompletionSource _firstReply = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _secondSignIn = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource<bool> _release = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _signIns;

    public SlowNetwork(string shop)
    {
        _proxy = FaultyProxy.Start(new Uri(shop).Port);
        _proxy.OnRequest = CountAsync;
        _proxy.OnReply = DelayAsync;
    }

    public string Address => $"http://{_proxy.Address}";

    /// <summary>How many sign-ins the browser has sent.</summary>
    public int SignIns => Volatile.Read(ref _signIns);

    /// <summary>Completes when the shop has answered the first sign-in. The browser does not have the answer yet.</summary>
    public Task FirstReply => _firstReply.Task.WaitAsync(TimeSpan.FromMinutes(2));

    /// <summary>Completes when the browser has sent a second sign-in.</summary>
    public Task SecondSignIn => _secondSignIn.Task.WaitAsync(TimeSpan.FromMinutes(2));

    /// <summary>Delivers the reply to the first sign-in, or loses it as a browser does that has cancelled the navigation.</summary>
    public void Release(bool delivers) => _release.TrySetResult(delivers);

    public async ValueTask DisposeAsync()
    {
        Release(delivers: false);
        await _proxy.DisposeAsync();
    }

    private ValueTask<int> CountAsync(ReadOnlyMemory<byte> bytes)
    {
        if (
            Encoding.ASCII.GetString(bytes.Span).StartsWith("POST /SignIn", StringComparison.Ordinal)
            && Interlocked.Increment(ref _signIns) == 2
        )
        {
            _secondSignIn.TrySetResult();
        }

        return ValueTask.FromResult(bytes.Length);
    }

    private async ValueTask<int> DelayAsync(ReadOnlyMemory<byte> bytes)
    {
        if (SignIns == 1 && _firstReply.TrySetResult() && !await _release.Task)
        {
            return 0;
        }

        await Task.Delay(Latency);
        return bytes.Length;
    }
}
