using System.Security.Cryptography;

namespace WorkflowSessions;

/// <summary>
/// Who may use a session: the hash of its current secret, in a reserved workflow that every buffered store carries like any other. Whoever
/// keeps sessions behind a cookie gives the session a stable id that names its data, and a secret that can be replaced while no data moves.
/// </summary>
/// <remarks>
/// The secret outlasts the workflows: it stays for twice the longest idle timeout of the store, from its last use, and has no absolute
/// timeout. Of two processes that replace a secret within the same moment, on a store without <see cref="SessionStoreCapabilities.VersionCheck"/>, both may
/// succeed, and the last is the current one. <see cref="ISessionStore.EndAsync"/> ends it with the rest. Thread-safe.
/// </remarks>
public sealed class SessionSecret
{
    /// <summary>The id of the workflow that holds the secret. Applications can't open it; a store finds it among the workflows it keeps.</summary>
    public const string WorkflowId = "$session";

    private const string OwnerKey = "owner";

    private const string ReplacedKey = "replaced";

    private readonly BufferedSessionStore _store;
    private volatile SecretState? _state;

    internal SessionSecret(BufferedSessionStore store) => _store = store;

    /// <summary>Whether the session is known: it has begun and has neither ended nor expired.</summary>
    /// <exception cref="InvalidOperationException">The secret was not loaded.</exception>
    public bool Exists => Loaded.Exists;

    /// <summary>When the secret was last sent to its owner, as <see cref="MarkSentAsync"/> was told; null when it was not.</summary>
    /// <exception cref="InvalidOperationException">The secret was not loaded.</exception>
    public DateTimeOffset? SentAt => Loaded.SentAt;

    private SecretState Loaded =>
        _state ?? throw new InvalidOperationException("The secret of the session is not loaded. Call LoadAsync first.");

    /// <summary>Loads the secret. Its idle time begins anew.</summary>
    /// <param name="cancellationToken">Cancels the wait.</param>
    /// <exception cref="SessionStoreException">The store could not load it.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public async ValueTask LoadAsync(CancellationToken cancellationToken = default)
    {
        WorkflowRecord? record = await _store.Calls.LoadAsync(WorkflowId, cancellationToken).ConfigureAwait(false);
        _ = Take(record);
    }

    /// <summary>Whether a secret is the current one, in a time that does not depend on where it differs.</summary>
    /// <param name="secret">The secret.</param>
    /// <returns>False also when the session is unknown.</returns>
    /// <exception cref="InvalidOperationException">The secret was not loaded.</exception>
    public bool Verify(ReadOnlySpan<byte> secret) => Loaded.Verify(secret);

    /// <summary>Begins the session with a secret, unless it has begun.</summary>
    /// <param name="secret">The secret: at least 16 random bytes.</param>
    /// <param name="cancellationToken">Cancels the wait.</param>
    /// <returns>False when the session had begun already; it keeps its secret.</returns>
    /// <exception cref="ArgumentException">The secret is shorter than 16 bytes.</exception>
    /// <exception cref="SessionStoreException">The store could not store it, or not tell whether it has.</exception>
    public ValueTask<bool> BeginAsync(ReadOnlyMemory<byte> secret, CancellationToken cancellationToken = default) =>
        BeginAsync(secret, owner: default, cancellationToken);

    /// <inheritdoc cref="BeginAsync(ReadOnlyMemory{byte}, CancellationToken)" />
    /// <param name="secret">The secret: at least 16 random bytes.</param>
    /// <param name="owner">Names the user that the session belongs to, as a hash. Empty for a session of nobody.</param>
    /// <param name="cancellationToken">Cancels the wait.</param>
    public ValueTask<bool> BeginAsync(
        ReadOnlyMemory<byte> secret,
        ReadOnlyMemory<byte> owner,
        CancellationToken cancellationToken = default
    ) =>
        UpdateAsync(
            entries =>
            {
                if (entries.Has(SecretState.HashKey))
                {
                    return false;
                }

                SetSecret(entries, secret, owner);
                return true;
            },
            secret,
            cancellationToken
        );

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
    ) =>
        UpdateAsync(
            entries =>
            {
                bool isCurrent = SecretState.IsHashOf(SecretState.Bytes(entries, SecretState.HashKey), current.Span);
                if (isCurrent)
                {
                    SetSecret(entries, next, owner: default);
                    _ = entries.Delete(ReplacedKey);
                }

                return isCurrent;
            },
            next,
            cancellationToken
        );

    /// <summary>
    /// Replaces the secret for a user who has just signed in. The session belongs to that user from then on, and to no other ever.
    /// </summary>
    /// <param name="current">The secret that must be the current one.</param>
    /// <param name="next">The new secret: 32 random bytes.</param>
    /// <param name="owner">Names the user, as a hash: at least 16 bytes.</param>
    /// <param name="gracePeriod">How long <see cref="RecoverAsync"/> finds the new secret for the same user. Zero for not at all.</param>
    /// <param name="cancellationToken">Cancels the wait.</param>
    /// <returns>False when another secret is the current one, when the session belongs to another user, or is unknown; nothing was changed.</returns>
    /// <exception cref="ArgumentException"><paramref name="next"/> has not 32 bytes, or <paramref name="owner"/> is shorter than 16.</exception>
    /// <exception cref="SessionStoreException">The store could not store it, or not tell whether it has.</exception>
    public ValueTask<bool> RotateAsync(
        ReadOnlyMemory<byte> current,
        ReadOnlyMemory<byte> next,
        ReadOnlyMemory<byte> owner,
        TimeSpan gracePeriod,
        CancellationToken cancellationToken = default
    )
    {
        ThrowIfShort(owner, nameof(owner));
        if (next.Length != ReplacedSecrets.SecretBytes)
        {
            throw new ArgumentException(
                $"The secret of a user's session has {ReplacedSecrets.SecretBytes} bytes; take them from RandomNumberGenerator.",
                nameof(next)
            );
        }

        return UpdateAsync(
            entries =>
            {
                byte[] owned = SecretState.Bytes(entries, OwnerKey);
                bool isOwner = owned.Length == 0 || CryptographicOperations.FixedTimeEquals(owned, owner.Span);
                bool isAllowed = isOwner && SecretState.IsHashOf(SecretState.Bytes(entries, SecretState.HashKey), current.Span);
                if (isAllowed)
                {
                    SetSecret(entries, next, owner);
                    ReplacedSecrets replaced = new(SecretState.Bytes(entries, ReplacedKey), Now, gracePeriod);
                    entries.Set(ReplacedKey, replaced.With(Now, current.Span, next.Span), typeof(byte[]));
                }

                return isAllowed;
            },
            next,
            cancellationToken
        );
    }

    /// <summary>
    /// Finds the current secret for a user who has signed in with one that was replaced for the same user a moment ago, as by a double click whose first
    /// answer is lost. Both clicks get the same secret, so that the order of their answers does not matter.
    /// </summary>
    /// <param name="replaced">The secret that was replaced.</param>
    /// <param name="owner">Names the user, as with <see cref="RotateAsync(ReadOnlyMemory{byte}, ReadOnlyMemory{byte}, ReadOnlyMemory{byte}, TimeSpan, CancellationToken)"/>.</param>
    /// <param name="gracePeriod">How long ago it may have been replaced. Zero for not at all.</param>
    /// <param name="cancellationToken">Cancels the wait.</param>
    /// <returns>The current secret; null when it was replaced earlier or not at all, when the session belongs to another user, or is unknown.</returns>
    /// <exception cref="ArgumentException"><paramref name="owner"/> is shorter than 16 bytes.</exception>
    /// <exception cref="SessionStoreException">The store could not load it.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public async ValueTask<ReadOnlyMemory<byte>?> RecoverAsync(
        ReadOnlyMemory<byte> replaced,
        ReadOnlyMemory<byte> owner,
        TimeSpan gracePeriod,
        CancellationToken cancellationToken = default
    )
    {
        ThrowIfShort(owner, nameof(owner));
        BufferedWorkflowEntries entries = new(_store, WorkflowId);
        await entries.LoadAsync(cancellationToken).ConfigureAwait(false);
        if (!CryptographicOperations.FixedTimeEquals(SecretState.Bytes(entries, OwnerKey), owner.Span))
        {
            return null;
        }

        byte[] secret = new ReplacedSecrets(SecretState.Bytes(entries, ReplacedKey), Now, gracePeriod).Follow(replaced.Span);
        bool isCurrent = SecretState.IsHashOf(SecretState.Bytes(entries, SecretState.HashKey), secret);
        _state = SecretState.Of(entries);
        return isCurrent ? (ReadOnlyMemory<byte>?)secret : null;
    }

    /// <summary>Notes that the secret was sent to its owner now, for <see cref="SentAt"/>.</summary>
    /// <param name="cancellationToken">Cancels the wait.</param>
    /// <returns>False when the session is unknown; nothing was changed.</returns>
    /// <exception cref="SessionStoreException">The store could not store it, or not tell whether it has.</exception>
    public ValueTask<bool> MarkSentAsync(CancellationToken cancellationToken = default) =>
        UpdateAsync(
            entries =>
            {
                if (entries.Has(SecretState.HashKey))
                {
                    entries.Set(SecretState.SentKey, Now.ToUnixTimeMilliseconds(), typeof(long));
                }

                return entries.Has(SecretState.HashKey);
            },
            secret: null,
            cancellationToken
        );

    /// <summary>Takes over what was loaded, and returns it, because another call may take over something else at the same time.</summary>
    internal SecretState Take(WorkflowRecord? record) => _state = SecretState.Of(record);

    private DateTimeOffset Now => _store.Options.TimeProvider.GetUtcNow();

    private async ValueTask<bool> UpdateAsync(
        Func<BufferedWorkflowEntries, bool> change,
        ReadOnlyMemory<byte>? secret,
        CancellationToken cancellationToken
    )
    {
        if (secret is { } bytes)
        {
            ThrowIfShort(bytes, nameof(secret));
        }

        bool isDone = false;
        // Entries of its own, so that calls on two threads don't meet. The change runs again when somebody else was faster.
        BufferedWorkflowEntries entries = new(_store, WorkflowId);
        await entries
            .UpdateAnywayAsync(
                _ =>
                {
                    isDone = change(entries);
                    return ValueTask.CompletedTask;
                },
                cancellationToken
            )
            .ConfigureAwait(false);
        _state = SecretState.Of(entries);
        return isDone;
    }

    private void SetSecret(BufferedWorkflowEntries entries, ReadOnlyMemory<byte> secret, ReadOnlyMemory<byte> owner)
    {
        entries.Set(SecretState.HashKey, SHA256.HashData(secret.Span), typeof(byte[]));
        entries.Set(SecretState.SentKey, Now.ToUnixTimeMilliseconds(), typeof(long));
        if (!owner.IsEmpty)
        {
            entries.Set(OwnerKey, owner.ToArray(), typeof(byte[]));
        }
    }

    private static void ThrowIfShort(ReadOnlyMemory<byte> bytes, string parameter)
    {
        if (bytes.Length < 16)
        {
            throw new ArgumentException($"A {parameter} has at least 16 bytes; take them from RandomNumberGenerator or a hash.", parameter);
        }
    }
}
