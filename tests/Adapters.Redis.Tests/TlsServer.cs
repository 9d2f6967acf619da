using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using WorkflowSessions.Contracts;

namespace WorkflowSessions.Redis.Tests;

/// <summary>A server with a password and a second port for TLS, whose certificate nobody trusts unless told to.</summary>
internal sealed class TlsServer : IDisposable
{
    public const string Password = "pass";

    private readonly string _folder = Directory.CreateTempSubdirectory("workflowsessions-tls-").FullName;
    private RedisServer? _server;

    private TlsServer() { }

    public string Address => _server!.Address;

    /// <summary>The address of the port for TLS, by the name in the certificate.</summary>
    public string TlsAddress { get; private set; } = "";

    public string Thumbprint { get; private set; } = "";

    public static async Task<TlsServer> StartAsync()
    {
        TlsServer server = new();
        try
        {
            await server.RunAsync();
            return server;
        }
        catch
        {
            server.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        _server?.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private async Task RunAsync()
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateRequest request = new("CN=localhost", key, HashAlgorithmName.SHA256);
        DateTimeOffset now = TimeProvider.System.GetUtcNow();
        using X509Certificate2 certificate = request.CreateSelfSigned(now.AddDays(-1), now.AddDays(1));
        Thumbprint = certificate.GetCertHashString();
        string certificateFile = Path.Combine(_folder, "server.crt");
        string keyFile = Path.Combine(_folder, "server.key");
        await File.WriteAllTextAsync(certificateFile, certificate.ExportCertificatePem());
        await File.WriteAllTextAsync(keyFile, key.ExportPkcs8PrivateKeyPem());
        string port = FreePort();
        TlsAddress = $"localhost:{port}";
        _server = await RedisServer.StartAsync([
            "--requirepass",
            Password,
            "--tls-port",
            port,
            "--tls-cert-file",
            certificateFile,
            "--tls-key-file",
            keyFile,
            "--tls-auth-clients",
            "no",
        ]);
    }

    private static string FreePort()
    {
        using TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port.ToString(CultureInfo.InvariantCulture);
    }
}
