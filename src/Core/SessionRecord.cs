using System.Security.Cryptography;

namespace WorkflowSessions;

/// <summary>
/// Who may use a session: the hash of its current secret, in a reserved workflow that every buffered store carries like any other. Whoever
/// keeps sessions behind a cookie gives the session a stable id that names its data, and a secret that can be replaced while no data moves.
/// </summary>
/// <remarks>
/// The record outlasts the workflows: it stays for twice the longest idle timeout of the store, from its last load or rotation, and has no absolute
/// timeout. Of two processes that replace a secret within the same moment, on a store without <see cref="SessionStoreCapabilities.VersionCheck"/>, both may
/// succeed, and the last is the current one. Load it in each request. <see cref="ISessionStore.EndAsync"/> ends it with the rest. Not thread-safe.
/// </remarks>
public sealed class SessionRecord
{
    /// <summary>The id of the workflow that the record is. Applications can't open it; a store finds it among the workflows it keeps.</summary>
    public const string WorkflowId = "$session";

    // SHA-256 of the secret (FIPS 180-4). A secret is random and long, so that no slower hash is needed.
    private const string HashKey = "secret";

    private readonly BufferedWorkflowEntries _entries;

    internal SessionRecord(BufferedWorkflowEntries entries) => _entries = entries;

    /// <summary>Whether the session is known: it has begun and has neither ended nor expired.</summary>
    /// <exception cref="InvalidOperationException">The record was not loaded.</exception>
    public bool Exists => _entries.Has(HashKey);

    /// <summary>Loads the record and begins its idle time anew. It may be under way together with the load of a workflow.</summary>
    /// <param name="cancellationToken">Cancels the wait.</param>
    /// <exception cref="SessionStoreException">The store could not load it.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public ValueTask LoadAsync(CancellationToken cancellationToken = default) => _entries.LoadAsync(cancellationToken);

    /// <summary>Whether a secret is the current one, in a time that does not depend on where it differs.</summary>
    /// <param name="secret">The secret.</param>
    /// <returns>False also when the session is unknown.</returns>
    /// <exception cref="InvalidOperationException">The record was not loaded.</exception>
    public bool Verify(ReadOnlySpan<byte> secret)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        _ = SHA256.HashData(secret, hash);
        return _entries.TryGet(HashKey, typeof(byte[]), out object? stored)
            && stored is byte[] current
            && CryptographicOperations.FixedTimeEquals(current, hash);
    }

    /// <summary>Begins the session with a secret, unless it has begun.</summary>
    /// <param name="secret">The secret: at least 16 random bytes.</param>
    /// <param name="cancellationToken">Cancels the wait.</param>
    /// <returns>False when the session had begun already; it keeps its secret.</returns>
    /// <exception cref="ArgumentException">The secret is shorter than 16 bytes.</exception>
    /// <exception cref="SessionStoreException">The store could not store it, or not tell whether it has.</exception>
    public ValueTask<bool> BeginAsync(ReadOnlyMemory<byte> secret, CancellationToken cancellationToken = default) =>
        ReplaceAsync(() => !Exists, secret, cancellationToken);

    /// <summary>Replaces the secret, which is useless from then on. Of several that replace the same one, one succeeds.</summary>
    /// <param name="current">The secret that must be the current one.</param>
    /// <param name="next">The new secret: at least 16 random bytes.</param>
    /// <param name="cancellationToken">Cancels the wait.</param>
    /// <returns>False when another secret is the current one, or the session is unknown; nothing was changed.</returns>
    /// <exception cref="ArgumentException"><paramref name="next"/> is shorter than 16 bytes.</exception>
    /// <exception cref="SessionStoreException">The store could not store it, or not tell whether it has.</exception>
    public ValueTask<bool> RotateAsync(
        ReadOnlyMemory<byte> current,
        ReadOnlyMemory<byte> next,
        CancellationToken cancellationToken = default
    ) => ReplaceAsync(() => Verify(current.Span), next, cancellationToken);

    private async ValueTask<bool> ReplaceAsync(Func<bool> condition, ReadOnlyMemory<byte> secret, CancellationToken cancellationToken)
    {
        if (secret.Length < 16)
        {
            throw new ArgumentException("A secret has at least 16 bytes; take them from RandomNumberGenerator.", nameof(secret));
        }

        bool replaced = false;
        await _entries
            .UpdateAsFarAsNoticedAsync(
                _ =>
                {
                    // Runs again when somebody else replaced it meanwhile, and then finds that it is not the current one.
                    replaced = condition();
                    if (replaced)
                    {
                        _entries.Set(HashKey, SHA256.HashData(secret.Span), typeof(byte[]));
                    }

                    return ValueTask.CompletedTask;
                },
                cancellationToken
            )
            .ConfigureAwait(false);
        return replaced;
    }
}
