namespace WorkflowSessions;

/// <content>Changes that load, run and commit in one call.</content>
public sealed partial class WorkflowSession
{
    /// <summary>Loads the workflow, runs a change on it and commits it. If the change throws, nothing is kept. If another request committed first, it runs again.</summary>
    /// <param name="change">
    /// The change. It gets this workflow session. It may run more than once, so it must have no other effect: a mail that it sends, or a token that it asks for, would be
    /// sent or asked for with each run.
    /// </param>
    /// <param name="cancellationToken">Cancels the wait.</param>
    /// <exception cref="ArgumentNullException"><paramref name="change"/> is null.</exception>
    /// <exception cref="InvalidOperationException">Changes wait for <see cref="CommitAsync"/>, or another <c>UpdateAsync</c> of the workflow runs.</exception>
    /// <exception cref="NotSupportedException">The store does not notice commits of others: see <see cref="SessionStoreCapabilities.VersionCheck"/>.</exception>
    /// <exception cref="WorkflowConflictException">
    /// Others changed the workflow again and again for <see cref="BufferedSessionStoreOptions.UpdateTimeout"/>, or it ended meanwhile. Nothing was stored.
    /// </exception>
    /// <exception cref="SessionStoreException">The store could not store it, or not tell whether it has.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public ValueTask UpdateAsync(Action<WorkflowSession> change, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(change);
        return _entries.UpdateAsync(
            _ =>
            {
                change(this);
                return ValueTask.CompletedTask;
            },
            cancellationToken
        );
    }

    /// <inheritdoc cref="UpdateAsync(Action{WorkflowSession}, CancellationToken)" />
    /// <remarks>It is here so that <c>async w => …</c> is awaited: as an action it would be committed before it has ended.</remarks>
    public ValueTask UpdateAsync(Func<WorkflowSession, Task> change, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(change);
        return _entries.UpdateAsync(_ => new ValueTask(change(this)), cancellationToken);
    }

    /// <inheritdoc cref="UpdateAsync(Action{WorkflowSession}, CancellationToken)" />
    public ValueTask UpdateAsync(Func<WorkflowSession, CancellationToken, ValueTask> change, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(change);
        return _entries.UpdateAsync(cancellation => change(this, cancellation), cancellationToken);
    }

    /// <inheritdoc cref="UpdateAsync(Action{WorkflowSession}, CancellationToken)" />
    /// <typeparam name="TResult">The type of the result. It is no task: await in a change that takes a token.</typeparam>
    /// <returns>The result of the run that was stored.</returns>
    /// <exception cref="ArgumentException"><typeparamref name="TResult"/> is a task, which would be committed before it has ended.</exception>
    public ValueTask<TResult> UpdateAsync<TResult>(Func<WorkflowSession, TResult> change, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(change);
        Type type = typeof(TResult);
        return
            typeof(Task).IsAssignableFrom(type)
            || type == typeof(ValueTask)
            || (type.IsGenericType && type.GetGenericTypeDefinition() == typeof(ValueTask<>))
            ? throw new ArgumentException(
                $"The change returns a {type.Name}, which would be committed before it has ended. Write it as async (workflow, token) => …",
                nameof(change)
            )
            : UpdateAsync((workflow, _) => ValueTask.FromResult(change(workflow)), cancellationToken);
    }

    /// <inheritdoc cref="UpdateAsync(Action{WorkflowSession}, CancellationToken)" />
    /// <typeparam name="TResult">The type of the result.</typeparam>
    /// <returns>The result of the run that was stored.</returns>
    /// <remarks>It is here so that <c>async w => …</c> is awaited.</remarks>
    public ValueTask<TResult> UpdateAsync<TResult>(
        Func<WorkflowSession, Task<TResult>> change,
        CancellationToken cancellationToken = default
    )
    {
        ArgumentNullException.ThrowIfNull(change);
        return UpdateAsync((workflow, _) => new ValueTask<TResult>(change(workflow)), cancellationToken);
    }

    /// <inheritdoc cref="UpdateAsync(Action{WorkflowSession}, CancellationToken)" />
    /// <typeparam name="TResult">The type of the result.</typeparam>
    /// <returns>The result of the run that was stored.</returns>
    public async ValueTask<TResult> UpdateAsync<TResult>(
        Func<WorkflowSession, CancellationToken, ValueTask<TResult>> change,
        CancellationToken cancellationToken = default
    )
    {
        ArgumentNullException.ThrowIfNull(change);
        TResult result = default!;
        await _entries
            .UpdateAsync(async cancellation => result = await change(this, cancellation).ConfigureAwait(false), cancellationToken)
            .ConfigureAwait(false);
        return result;
    }
}
