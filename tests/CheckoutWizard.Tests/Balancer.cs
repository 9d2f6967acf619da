using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using WorkflowSessions.Contracts;

namespace CheckoutWizard.Tests;

/// <summary>HAProxy in front of shops, which takes turns and leaves out a node that does not answer.</summary>
internal sealed class Balancer : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("workflowsessions-balancer-").FullName;
    private readonly Process _process;

    public Balancer(params WebProcess[] nodes)
    {
        using (TcpListener listener = new(IPAddress.Loopback, 0))
        {
            listener.Start();
            Port = ((IPEndPoint)listener.LocalEndpoint).Port;
        }

        string configuration = Path.Combine(_folder, "haproxy.cfg");
        IEnumerable<string> servers = nodes.Select(
            (node, i) => $"    server node{i} {new Uri(node.Address).Authority} check inter 200 fall 3 rise 1"
        );
        File.WriteAllText(
            configuration,
            $"""
            defaults
                mode http
                timeout connect 10s
                timeout check 10s
                timeout client 120s
                timeout server 120s
                retries 3
                option redispatch 1
                retry-on conn-failure empty-response
            frontend shop
                bind 127.0.0.1:{Port}
                default_backend nodes
            backend nodes
                balance roundrobin
            {string.Join('\n', servers)}

            """
        );
        _process = Process.Start(new ProcessStartInfo(FindHaproxy(), ["-q", "-db", "-f", configuration]) { UseShellExecute = false })!;
    }

    public int Port { get; }

    public string Address => $"http://127.0.0.1:{Port}";

    /// <summary>Returns when it lets a request through.</summary>
    public async Task ReadyAsync()
    {
        using HttpClient client = new();
        using CancellationTokenSource limit = new(TimeSpan.FromMinutes(2));
        while (true)
        {
            limit.Token.ThrowIfCancellationRequested();
            try
            {
                using HttpResponseMessage response = await client.GetAsync(new Uri(Address), limit.Token);
                if (response.IsSuccessStatusCode)
                {
                    return;
                }
            }
            catch (HttpRequestException)
            {
                // It does not listen yet.
            }
        }
    }

    public void Dispose()
    {
        _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private static string FindHaproxy() =>
        Programs.Find("haproxy")
        ?? throw new InvalidOperationException("The tests need HAProxy: install the package haproxy, or let ./build.sh do it.");
}
