using System.Buffers.Text;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace WorkflowSessions;

/// <summary>Claims a workflow, runs a function and stores its result as the receipt; or waits for the receipt of another request.</summary>
internal sealed class CompletionLoop(BufferedWorkflowEntries workflow, WorkflowTransfer transfer, BufferedSessionStoreOptions options)
{
    // As many bits as an identifier needs that nobody guesses and no two workflows share.
    private const int KeyLength = 22;

    private readonly long _claimId = Random.Shared.NextInt64(1, LoadedWorkflow.Generations);
    private readonly long _generation =
        workflow.Generation ?? throw new WorkflowConflictException(workflow.Id, WorkflowConflictReason.Ended, []);

    // What the function is to see. A claim on anything else is refused.
    private long _version = workflow.Version;

    // The moment from which the wait for another request counts.
    private long _start = options.TimeProvider.GetTimestamp();

    /// <returns>The result of the function; or the receipt of another request, as it is stored.</returns>
    public async ValueTask<(object? Result, WorkflowEntry? Stored)> RunAsync(
        Func<string, CancellationToken, Task<object?>> complete,
        Func<object?, WorkflowEntry> encode,
        CancellationToken cancellationToken
    )
    {
        for (int attempt = 0; ; attempt++)
        {
            CommitResult claim = await transfer.SendAsync(Claim(), cancellationToken).ConfigureAwait(false);
            if (claim.Outcome == CommitOutcome.Stored)
            {
                return await RunClaimedAsync(complete, encode, cancellationToken).ConfigureAwait(false);
            }

            WorkflowRecord stored = await UnclaimedAsync(claim.Outcome, cancellationToken).ConfigureAwait(false);
            if (stored.Receipt is { } receipt)
            {
                return (null, receipt);
            }

            ThrowIfChanged(stored);
            ThrowIfOver(claim.Outcome);
            if (claim.Outcome == CommitOutcome.Completing)
            {
                await RetryDelay.WaitAsync(attempt, options.TimeProvider, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    private async ValueTask<(object? Result, WorkflowEntry? Stored)> RunClaimedAsync(
        Func<string, CancellationToken, Task<object?>> complete,
        Func<object?, WorkflowEntry> encode,
        CancellationToken cancellationToken
    )
    {
        object? result;
        WorkflowEntry receipt;
        try
        {
            result = await complete(IdempotencyKey(), cancellationToken).ConfigureAwait(false);
            receipt = encode(result);
        }
        catch
        {
            await ReleaseAsync().ConfigureAwait(false);
            throw;
        }

        // The effect has taken place: whoever cancels now must not lose the receipt.
        CommitResult finish = await transfer.SendAsync(Finish(receipt), CancellationToken.None).ConfigureAwait(false);
        if (finish.Outcome == CommitOutcome.Stored)
        {
            workflow.Take(Completed(receipt, finish));
            return (result, null);
        }

        // The claim ran out while the function ran.
        _start = options.TimeProvider.GetTimestamp();
        WorkflowRecord stored = await UnclaimedAsync(finish.Outcome, cancellationToken).ConfigureAwait(false);
        return stored.Receipt is { } other
            ? (null, other)
            : throw new WorkflowConflictException(
                $"The claim on workflow '{workflow.Id}' ran out before the function had ended, and nobody else completed it, so no receipt was stored. "
                    + $"Complete it again: the key is the same. If this happens often, raise {nameof(WorkflowOptions.CompletionTimeout)}.",
                workflow.Id,
                WorkflowConflictReason.Changed,
                []
            );
    }

    /// <summary>Loads the workflow, and waits until nobody else has a claim on it.</summary>
    private async ValueTask<WorkflowRecord> UnclaimedAsync(CommitOutcome refused, CancellationToken cancellationToken)
    {
        for (int attempt = 0; ; attempt++)
        {
            if (
                refused == CommitOutcome.Ended
                || await transfer.LoadAsync(cancellationToken).ConfigureAwait(false) is not { } stored
                || stored.Generation != _generation
            )
            {
                throw new WorkflowConflictException(workflow.Id, WorkflowConflictReason.Ended, []);
            }

            if (stored.Receipt is not null)
            {
                workflow.Take(stored);
                return stored;
            }

            if (stored.Claim is null || stored.Claim.EndsAt <= options.TimeProvider.GetUtcNow())
            {
                return stored;
            }

            ThrowIfOver(CommitOutcome.Completing);
            await RetryDelay.WaitAsync(attempt, options.TimeProvider, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Goes on with another version that has the same entries, as after a claim that was released.</summary>
    private void ThrowIfChanged(WorkflowRecord stored)
    {
        List<string> keys = EntryDifferences.Between(
            new Dictionary<string, WorkflowEntry>(workflow.Entries, StringComparer.Ordinal),
            stored
        );
        if (keys.Count > 0)
        {
            workflow.Take(stored);
            throw new WorkflowConflictException(
                $"Others changed workflow '{workflow.Id}' since it was loaded: the keys {string.Join(", ", keys.Select(key => $"'{key}'"))}. "
                    + "It was not completed, and the function did not run. Show the visitor the stored workflow, and complete it when the visitor confirms.",
                workflow.Id,
                WorkflowConflictReason.Changed,
                keys
            );
        }

        _version = stored.Version;
    }

    private void ThrowIfOver(CommitOutcome outcome)
    {
        if (options.TimeProvider.GetElapsedTime(_start) >= options.UpdateTimeout)
        {
            throw new WorkflowConflictException(
                workflow.Id,
                outcome == CommitOutcome.Completing ? WorkflowConflictReason.Completing : WorkflowConflictReason.Changed,
                []
            );
        }
    }

    /// <summary>Gives the claim back, so that the next one need not wait until it runs out. Nobody hears of a failure: it runs out then.</summary>
    private async ValueTask ReleaseAsync()
    {
        try
        {
            _ = await transfer.SendAsync(Commit(WorkflowCommitKind.Release), CancellationToken.None).ConfigureAwait(false);
        }
        catch (Exception error) when (error is SessionStoreException or WorkflowConflictException)
        {
            // The exception of the function is the one that the caller must see.
        }
    }

    private WorkflowCommit Claim() =>
        Commit(WorkflowCommitKind.Claim, requiredVersion: _version, claimTimeout: options.CompletionTimeout(workflow.Id));

    private WorkflowCommit Finish(WorkflowEntry receipt) => Commit(WorkflowCommitKind.Finish, receipt);

    private WorkflowCommit Commit(
        WorkflowCommitKind kind,
        WorkflowEntry? receipt = null,
        long? requiredVersion = null,
        TimeSpan? claimTimeout = null
    )
    {
        (TimeSpan? idle, TimeSpan? absolute) = options.Timeouts(workflow.Id);
        return new WorkflowCommit(workflow.Id, new Dictionary<string, WorkflowEntry>(StringComparer.Ordinal), [])
        {
            Kind = kind,
            ClaimId = _claimId,
            ClaimTimeout = claimTimeout,
            Receipt = receipt,
            ReceiptTimeout = receipt is null ? null : options.ReceiptTimeout(workflow.Id),
            Stamp = receipt is null ? null : options.TimeProvider.GetUtcNow(),
            IdleTimeout = idle,
            AbsoluteTimeout = absolute,
            Generation = _generation,
            NewGeneration = _generation,
            RequiredVersion = requiredVersion,
        };
    }

    private WorkflowRecord Completed(WorkflowEntry receipt, CommitResult finish) =>
        new(
            new Dictionary<string, WorkflowEntry>(StringComparer.Ordinal),
            _generation,
            finish.Version,
            options.TimeProvider.GetUtcNow(),
            finish.ExpiresAt,
            finish.ExpiresAt
        )
        {
            Receipt = receipt,
        };

    /// <summary>Equal on every node and in every try, and different for the next workflow; nothing of it is stored.</summary>
    private string IdempotencyKey()
    {
        string name = string.Create(CultureInfo.InvariantCulture, $"completion:{transfer.Store.SessionHash}:{workflow.Id}:{_generation}");
        return Base64Url.EncodeToString(SHA256.HashData(Encoding.UTF8.GetBytes(name)))[..KeyLength];
    }
}
