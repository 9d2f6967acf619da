using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;
using System.Text;
using StackExchange.Redis;

namespace WorkflowSessions.Redis;

/// <summary>Reads the address of <c>AddRedisStore("…")</c>: the client's own configuration string, or a URI.</summary>
/// <remarks>No message quotes a part that may be, or may belong to, a password.</remarks>
internal static class RedisAddress
{
    private const string Forms =
        "Use \"host:6379,option=value\" or \"redis://[user[:password]@]host[:port][/database]\", rediss:// for TLS.";
    private const int DefaultPort = 6379;

    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <exception cref="ArgumentException">The address can't be read; the message says what to change.</exception>
    public static ConfigurationOptions Parse(string configuration)
    {
        int scheme = configuration.IndexOf("://", StringComparison.Ordinal);
        // Behind an option that is its value, as in tunnel=http://….
        return scheme >= 0 && !configuration.AsSpan(0, scheme).ContainsAny(',', '=')
            ? ParseUri(configuration[..scheme].Trim(), configuration[(scheme + 3)..].TrimEnd())
            : ParseClientString(configuration);
    }

    private static ConfigurationOptions ParseClientString(string configuration)
    {
        bool afterPassword = false;
        bool hasServer = false;
        foreach (string part in configuration.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            int equals = part.IndexOf('=', StringComparison.Ordinal);
            if (equals > 0)
            {
                string name = part[..equals].TrimEnd();
                RequireReadable(part, name, afterPassword);
                afterPassword |= name.EndsWith("password", StringComparison.OrdinalIgnoreCase);
            }
            else
            {
                Require(
                    equals < 0 && IsServer(part),
                    $"A part of the address is neither \"host\", \"host:port\" nor \"option=value\".{Comma(afterPassword)}"
                );
                hasServer = true;
            }
        }

        Require(hasServer, "The address names no server.");
        return ConfigurationOptions.Parse(configuration);
    }

    private static void RequireReadable(string part, string name, bool afterPassword)
    {
        if (Read(part, ignoreUnknown: false) is null)
        {
            bool isKnown = Read(part, ignoreUnknown: true) is null;
            string option = afterPassword ? "An option" : $"The option '{name}'";
            string problem = isKnown ? "has a value that can't be read" : "is unknown to the client";
            Require(false, $"{option} in the address {problem}.{Comma(afterPassword)}");
        }
    }

    private static bool IsServer(string part)
    {
        // A UNIX socket, for the versions of the client that know one.
        if (part[0] is '!' or '/')
        {
            return Read(part, ignoreUnknown: false)?.EndPoints.Count == 1;
        }

        if (IPAddress.TryParse(part, out _))
        {
            return true;
        }

        int colon = part.LastIndexOf(':');
        bool hasPort = colon > part.LastIndexOf(']');
        return IsHost(hasPort ? part[..colon] : part)
            && (!hasPort || IsPort(part[(colon + 1)..]))
            && Read(part, ignoreUnknown: false)?.EndPoints.Count == 1;
    }

    private static ConfigurationOptions? Read(string part, bool ignoreUnknown)
    {
        try
        {
            return ConfigurationOptions.Parse(part, ignoreUnknown);
        }
        catch (Exception error) when (error is ArgumentException or FormatException or OverflowException)
        {
            return null;
        }
    }

    private static ConfigurationOptions ParseUri(string scheme, string rest)
    {
        bool tls = scheme.Equals("rediss", StringComparison.OrdinalIgnoreCase);
        Require(
            tls || scheme.Equals("redis", StringComparison.OrdinalIgnoreCase),
            "The address has a scheme that is neither redis:// nor rediss://."
        );
        int slash = rest.IndexOf('/', StringComparison.Ordinal);
        string authority = slash < 0 ? rest : rest[..slash];
        string path = slash < 0 ? "" : rest[(slash + 1)..];
        int at = authority.LastIndexOf('@');
        string server = authority[(at + 1)..];
        int colon = server.LastIndexOf(':');
        bool hasPort = colon > server.LastIndexOf(']');
        string host = hasPort ? server[..colon] : server;
        string port = hasPort ? server[(colon + 1)..] : "";
        const string Encode = " Percent-encode '/', '@', ':', '%', '?' and '#' in the user and the password.";
        Require(host.Length > 0, $"The address names no host.{Encode}");
        Require(IsHost(host), $"The host in the address can't be read.{Encode}");
        Require(!hasPort || IsPort(port), $"The port in the address must be a number from 1 to 65535.{Encode}");
        bool hasDatabase = path.Length > 0;
        int database = 0;
        Require(
            !hasDatabase || int.TryParse(path, NumberStyles.None, CultureInfo.InvariantCulture, out database),
            $"The database, behind the slash at the end of the address, must be a number.{Encode}"
        );

        string[] login = at < 0 ? [] : authority[..at].Split(':', 2);
        string user = login.Length > 0 ? Decode(login[0]) : "";
        Require(user.AsSpan().IndexOfAny(", \t") < 0, "The user in the address has a comma or a space, which the client does not take.");
        // The first version of the client has no property for the user; its parser refuses the option with a message of its own.
        ConfigurationOptions options = user.Length > 0 ? ConfigurationOptions.Parse($"user={user}") : new ConfigurationOptions();
        options.EndPoints.Add(host, hasPort ? int.Parse(port, CultureInfo.InvariantCulture) : DefaultPort);
        options.Ssl = tls;
        options.Password = login.Length > 1 ? Decode(login[1]) : null;
        options.DefaultDatabase = hasDatabase ? database : null;
        return options;
    }

    private static bool IsHost(string host) =>
        host.StartsWith('[')
            ? host.EndsWith(']') && Uri.CheckHostName(host) == UriHostNameType.IPv6
            : Uri.CheckHostName(host) is UriHostNameType.Dns or UriHostNameType.IPv4;

    private static bool IsPort(string port) =>
        int.TryParse(port, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number is > 0 and <= IPEndPoint.MaxPort;

    private static string Decode(string encoded)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(encoded);
        int length = 0;
        for (int i = 0; i < bytes.Length; i++)
        {
            byte value = bytes[i];
            if (value == '%')
            {
                Require(
                    i + 2 < bytes.Length
                        && byte.TryParse(bytes.AsSpan(i + 1, 2), NumberStyles.AllowHexSpecifier, provider: null, out value),
                    "The user or the password in the address has a '%' without two hexadecimal digits. Write '%' itself as %25."
                );
                i += 2;
            }

            bytes[length++] = value;
        }

        try
        {
            return StrictUtf8.GetString(bytes, 0, length);
        }
        catch (DecoderFallbackException)
        {
            throw Unreadable("The user or the password in the address is not percent-encoded UTF-8.");
        }
    }

    private static string Comma(bool afterPassword) =>
        afterPassword ? " A password with a comma needs the form redis://, with the comma as %2C." : "";

    private static void Require(bool condition, string message)
    {
        if (!condition)
        {
            throw Unreadable(message);
        }
    }

    [SuppressMessage("Usage", "MA0015", Justification = "The message is shown at start, where the name of a parameter says nothing.")]
    private static ArgumentException Unreadable(string message) => new($"AddRedisStore can't read the address of Redis. {message} {Forms}");
}
