namespace WorkflowSessions;

/// <content>Completion.</content>
internal sealed partial class BufferedWorkflowEntries
{
    public bool IsCompleted
    {
        get
        {
            ThrowIfNotLoaded();
            return Receipt is not null;
        }
    }

    public object? GetReceipt(Type type)
    {
        ThrowIfNotLoaded();
        WorkflowEntry receipt = Receipt ?? throw Completion.NotCompleted(Id);
        return Read(Completion.ReceiptKey, receipt, type);
    }

    public void Complete(object? receipt, Type type)
    {
        ThrowIfNotCompletable();
        ThrowIfNotChangeable();
        PutReceipt(Encode(receipt, type));
    }

    public async ValueTask<object?> CompleteAsync(
        Func<string, CancellationToken, Task<object?>> complete,
        Type type,
        CancellationToken cancellationToken = default
    )
    {
        ArgumentNullException.ThrowIfNull(complete);
        ThrowIfNotCompletable();
        ThrowIfUpdating();
        ThrowIfNotLoaded();
        ThrowIfChanged();
        cancellationToken.ThrowIfCancellationRequested();
        if (Receipt is { } existing)
        {
            return Read(Completion.ReceiptKey, existing, type);
        }

        CompletionLoop loop = new(this, _transfer, Options);
        Update = UpdatePhase.Completing;
        try
        {
            (object? result, WorkflowEntry? stored) = await loop.RunAsync(complete, result => Encode(result, type), cancellationToken)
                .ConfigureAwait(false);
            return stored is null ? result : Read(Completion.ReceiptKey, stored, type);
        }
        finally
        {
            Update = UpdatePhase.None;
        }
    }

    private WorkflowEntry Encode(object? receipt, Type type)
    {
        WorkflowEntry encoded = new(Values.Encode(Completion.ReceiptKey, receipt, type));
        ThrowIfTooLarge(encoded);
        return encoded;
    }

    private void ThrowIfNotCompletable()
    {
        if (!Store.Capabilities.Completion)
        {
            throw Completion.NotSupported();
        }
    }
}
