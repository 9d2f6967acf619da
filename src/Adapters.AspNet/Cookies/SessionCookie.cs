using System.Buffers;
using System.Buffers.Text;
using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text;

namespace WorkflowSessions.AspNetCore;

/// <summary>The value of a session's cookie: a root that names the data, and a secret that gives access to them.</summary>
/// <remarks><c>base64url(root, 16 bytes, and secret, 32 bytes)</c>: 64 characters, both from a cryptographic generator. The id of the session in the store is base64url(root).</remarks>
internal sealed class SessionCookie
{
    private const int RootBytes = 16;
    private const int SecretBytes = 32;
    private const int Length = (RootBytes + SecretBytes) * 4 / 3;

    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly byte[] _bytes;

    private SessionCookie(byte[] bytes) => _bytes = bytes;

    /// <summary>The id of the session in its store.</summary>
    public string SessionId => Base64Url.EncodeToString(Root);

    /// <summary>A name of the session that application code may see. It tells neither the secret nor the id in the store.</summary>
    public string PublicId
    {
        get
        {
            Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
            _ = SHA256.HashData([.. "HttpContext.Session.Id "u8, .. Root], hash);
            return new Guid(hash[..RootBytes]).ToString();
        }
    }

    public ReadOnlyMemory<byte> Secret => _bytes.AsMemory(RootBytes);

    private ReadOnlySpan<byte> Root => _bytes.AsSpan(0, RootBytes);

    /// <summary>The cookie of a new session.</summary>
    public static SessionCookie Create() => new(RandomNumberGenerator.GetBytes(RootBytes + SecretBytes));

    /// <summary>The same session with a new secret.</summary>
    public SessionCookie Renew() => With(RandomNumberGenerator.GetBytes(SecretBytes));

    /// <summary>The same session with another secret.</summary>
    public SessionCookie With(ReadOnlyMemory<byte> secret) => new([.. Root, .. secret.Span]);

    /// <summary>Reads what a browser sent. Whatever does not have the form of a cookie of ours is no cookie.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, [NotNullWhen(true)] out SessionCookie? cookie)
    {
        // Decoders skip blanks, so that the number of bytes says more than the number of characters.
        byte[] bytes = new byte[RootBytes + SecretBytes];
        cookie =
            text.Length == Length
            && Base64Url.DecodeFromChars(text, bytes, out int consumed, out int written) == OperationStatus.Done
            && consumed == Length
            && written == bytes.Length
                ? new SessionCookie(bytes)
                : null;
        return cookie is not null;
    }

    /// <summary>Names a user in the secret of this session: SHA-256 of the root and the id of the user, so that it tells nothing elsewhere.</summary>
    /// <exception cref="ArgumentException">The id has a lone surrogate.</exception>
    public byte[] HashUserId(string userId)
    {
        try
        {
            return SHA256.HashData([.. "WorkflowSessions user "u8, .. Root, .. StrictUtf8.GetBytes(userId)]);
        }
        catch (EncoderFallbackException error)
        {
            throw new ArgumentException("The id of the user has a lone surrogate. Use a well-formed string.", nameof(userId), error);
        }
    }

    /// <summary>The value of the cookie. Never log it.</summary>
    public string ToCookieValue() => Base64Url.EncodeToString(_bytes);
}
