using System.Buffers.Text;
using System.Security.Cryptography;

namespace WorkflowSessions;

/// <content>Completion. The receipt is a slot, and the key is another one until the workflow is completed.</content>
internal sealed partial class DictionaryWorkflowEntries
{
    // 132 bits in base64url, as many as the key of a buffered store has.
    private const int CompletionKeyLength = 22;

    // UpdateAsync may be called within another.
    private int _updates;
    private bool _isCompleting;

    public bool IsCompleted => _session.ContainsKey(_receiptSlot);

    public object? GetReceipt(Type type) =>
        _session.TryGetValue(_receiptSlot, out object? receipt) ? receipt : throw Completion.NotCompleted(_id);

    public void Complete(object? receipt, Type type)
    {
        ThrowIfNotChangeable();
        PutReceipt(receipt);
    }

    public async ValueTask<object?> CompleteAsync(
        Func<string, CancellationToken, Task<object?>> complete,
        Type type,
        CancellationToken cancellationToken = default
    )
    {
        ArgumentNullException.ThrowIfNull(complete);
        cancellationToken.ThrowIfCancellationRequested();
        ThrowIfCompleting();
        if (_updates > 0)
        {
            throw new InvalidOperationException(
                $"Workflow '{new Printable(_id)}' is in UpdateAsync. Await it first, and complete the workflow after that."
            );
        }

        if (_session.TryGetValue(_receiptSlot, out object? existing))
        {
            return existing;
        }

        if (IsNew)
        {
            throw new WorkflowConflictException(_id, WorkflowConflictReason.Ended, []);
        }

        _isCompleting = true;
        try
        {
            object? receipt = await complete(CompletionKey(), cancellationToken).ConfigureAwait(false);
            if (_session.TryGetValue(_receiptSlot, out object? other))
            {
                // Somebody else who has the dictionary was faster.
                return other;
            }

            PutReceipt(receipt);
            return receipt;
        }
        finally
        {
            _isCompleting = false;
        }
    }

    /// <summary>The same in every try, until the workflow is completed or ends.</summary>
    private string CompletionKey()
    {
        if (_session.TryGetValue(_completionKeySlot, out object? stored) && stored is string key)
        {
            return key;
        }

        string created = Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(CompletionKeyLength))[..CompletionKeyLength];
        _session[_completionKeySlot] = created;
        return created;
    }

    private void PutReceipt(object? receipt)
    {
        List<KeyValuePair<string, object?>> before = AllSlots();
        try
        {
            _session[_receiptSlot] = receipt;
            Stamp();
            foreach ((string slot, _) in EntrySlots())
            {
                _session.Remove(slot);
            }

            _session.Remove(_completionKeySlot);
        }
        catch
        {
            Restore(before);
            throw;
        }
    }

    private void ThrowIfNotChangeable()
    {
        if (_session.ContainsKey(_receiptSlot))
        {
            throw new WorkflowConflictException(_id, WorkflowConflictReason.Completed, []);
        }

        ThrowIfCompleting();
    }

    private void ThrowIfCompleting()
    {
        if (_isCompleting)
        {
            throw new InvalidOperationException(
                $"Workflow '{new Printable(_id)}' is being completed by CompleteAsync, so this change would be lost. Return what must stay as the receipt."
            );
        }
    }
}
