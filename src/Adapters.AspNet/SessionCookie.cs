using System.Buffers.Text;
using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;

namespace WorkflowSessions.AspNetCore;

/// <summary>What the cookie of a session holds: the root that names its data, and the secret that gives access to them.</summary>
/// <remarks><c>base64url(root, 16 bytes, and secret, 32 bytes)</c>: 64 characters, both from a cryptographic generator. The id of the session in the store is base64url(root).</remarks>
internal sealed class SessionCookie
{
    private const int RootBytes = 16;
    private const int SecretBytes = 32;
    private const int Length = (RootBytes + SecretBytes) * 4 / 3;

    private readonly byte[] _bytes;

    private SessionCookie(byte[] bytes) => _bytes = bytes;

    /// <summary>The id of the session in its store.</summary>
    public string SessionId => Base64Url.EncodeToString(_bytes.AsSpan(0, RootBytes));

    /// <summary>What application code may see: a name of the session that tells neither the secret nor the id in the store.</summary>
    public string PublicId
    {
        get
        {
            Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
            _ = SHA256.HashData([.. "HttpContext.Session.Id "u8, .. _bytes.AsSpan(0, RootBytes)], hash);
            return new Guid(hash[..RootBytes]).ToString();
        }
    }

    public ReadOnlyMemory<byte> Secret => _bytes.AsMemory(RootBytes);

    /// <summary>The cookie of a new session.</summary>
    public static SessionCookie Create() => new(RandomNumberGenerator.GetBytes(RootBytes + SecretBytes));

    /// <summary>The same session with a new secret.</summary>
    public SessionCookie Renew()
    {
        byte[] bytes = RandomNumberGenerator.GetBytes(RootBytes + SecretBytes);
        _bytes.AsSpan(0, RootBytes).CopyTo(bytes);
        return new SessionCookie(bytes);
    }

    /// <summary>Reads what a browser sent; whatever does not have the form of a cookie of ours is none.</summary>
    public static bool TryParse(string? text, [NotNullWhen(true)] out SessionCookie? cookie)
    {
        cookie = text is { Length: Length } && Base64Url.IsValid(text) ? new SessionCookie(Base64Url.DecodeFromChars(text)) : null;
        return cookie is not null;
    }

    /// <summary>The value of the cookie. Never log it.</summary>
    public string ToCookieValue() => Base64Url.EncodeToString(_bytes);
}
