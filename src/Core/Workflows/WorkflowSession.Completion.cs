namespace WorkflowSessions;

/// <content>Completion: one receipt per workflow.</content>
public sealed partial class WorkflowSession
{
    /// <summary>Whether the workflow is completed: it has a receipt and no entries, and refuses changes until <see cref="End"/>.</summary>
    /// <exception cref="InvalidOperationException">The workflow is not loaded.</exception>
    public bool IsCompleted => _entries.IsCompleted;

    /// <summary>Reads the receipt of a completed workflow.</summary>
    /// <typeparam name="T">The type to read it as.</typeparam>
    /// <exception cref="InvalidOperationException">The workflow is not completed, or not loaded.</exception>
    /// <exception cref="WorkflowValueException">The receipt can't be read as a <typeparamref name="T"/>.</exception>
    public T? GetReceipt<T>() => Receipt<T>(_entries.GetReceipt(typeof(T)));

    /// <summary>Completes the workflow: all values go, and the receipt stays for <see cref="WorkflowOptions.ReceiptTimeout"/>. Later changes are refused.</summary>
    /// <typeparam name="T">The declared type of the receipt.</typeparam>
    /// <param name="receipt">The receipt.</param>
    /// <remarks>It is a change like any other: the next commit stores it. Of two requests that complete the workflow, one is refused.</remarks>
    /// <exception cref="InvalidOperationException">The workflow is not loaded.</exception>
    /// <exception cref="NotSupportedException">The store does not promise <see cref="SessionStoreCapabilities.Completion"/>.</exception>
    /// <exception cref="WorkflowConflictException">The workflow is completed already.</exception>
    /// <exception cref="WorkflowLimitException">The receipt is larger than <see cref="BufferedSessionStoreOptions.MaxWorkflowBytes"/>.</exception>
    /// <exception cref="WorkflowValueException">The receipt can't be stored.</exception>
    public void Complete<T>(T receipt) => _entries.Complete(receipt, typeof(T));

    /// <summary>Claims the workflow, runs a function, and completes the workflow with its result. If another request completes it, waits for its receipt.</summary>
    /// <typeparam name="T">The declared type of the receipt.</typeparam>
    /// <param name="complete">
    /// The function. It gets the idempotency key of the workflow: 22 characters. It may read the workflow, and must not change it. If it throws or is cancelled, the
    /// claim is released, and the workflow stays as it was.
    /// </param>
    /// <param name="cancellationToken">Cancels the wait, and is handed to the function.</param>
    /// <returns>The receipt, of this request or of the other one.</returns>
    /// <remarks>
    /// A workflow has one receipt. One <c>complete</c> runs at a time, except after a claim has run out. Every run gets the same key. <i>One order</i> needs a unique
    /// index or a payment provider that takes the key. A claim runs out after <see cref="WorkflowOptions.CompletionTimeout"/>.
    /// </remarks>
    /// <exception cref="ArgumentNullException"><paramref name="complete"/> is null.</exception>
    /// <exception cref="InvalidOperationException">The workflow is not loaded, has changes that wait for <see cref="CommitAsync"/>, or is in <c>UpdateAsync</c>.</exception>
    /// <exception cref="NotSupportedException">The store does not promise <see cref="SessionStoreCapabilities.Completion"/>.</exception>
    /// <exception cref="WorkflowConflictException">
    /// The workflow is absent or has ended; others changed its entries since the load; or another request was still completing it after
    /// <see cref="BufferedSessionStoreOptions.UpdateTimeout"/>.
    /// </exception>
    /// <exception cref="WorkflowLimitException">The receipt is larger than <see cref="BufferedSessionStoreOptions.MaxWorkflowBytes"/>.</exception>
    /// <exception cref="WorkflowValueException">The receipt can't be stored; or that of the other request can't be read as a <typeparamref name="T"/>.</exception>
    /// <exception cref="SessionStoreException">The store could not store it, or not tell whether it has.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public async ValueTask<T> CompleteAsync<T>(
        Func<string, CancellationToken, Task<T>> complete,
        CancellationToken cancellationToken = default
    )
    {
        ArgumentNullException.ThrowIfNull(complete);
        object? receipt = await _entries
            .CompleteAsync(
                async (key, cancellation) => await complete(key, cancellation).ConfigureAwait(false),
                typeof(T),
                cancellationToken
            )
            .ConfigureAwait(false);
        return Receipt<T>(receipt)!;
    }

    private T? Receipt<T>(object? stored) => stored is T value ? value : Convert<T>(Completion.ReceiptKey, stored);
}
