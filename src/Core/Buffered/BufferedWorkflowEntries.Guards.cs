using System.Diagnostics.CodeAnalysis;

namespace WorkflowSessions;

/// <content>When a call is refused.</content>
internal sealed partial class BufferedWorkflowEntries
{
    public void ThrowIfChanged()
    {
        Store.ThrowIfReadOnly();
        if (HasChanges)
        {
            throw new InvalidOperationException(
                $"Workflow '{new Printable(Id)}' has changes that wait, and UpdateAsync or CompleteAsync would mix with them. Commit them first; in a request, DiscardChanges() drops them."
            );
        }
    }

    public void ThrowIfUpdating()
    {
        if (Update != UpdatePhase.None)
        {
            throw new InvalidOperationException(
                $"Workflow '{new Printable(Id)}' is in UpdateAsync or CompleteAsync, which loads and commits by itself. Await it first."
            );
        }
    }

    public void ThrowIfCommitting()
    {
        if (_transfer.IsCommitting)
        {
            throw new InvalidOperationException(
                $"A commit of workflow '{new Printable(Id)}' is under way. Await it first; otherwise it could begin the workflow again in the session that ends."
            );
        }
    }

    private void ThrowIfNotChangeable(bool isEnd = false)
    {
        ThrowIfNotLoaded();
        Store.ThrowIfReadOnly();
        if (Receipt is not null && !isEnd)
        {
            throw new WorkflowConflictException(Id, WorkflowConflictReason.Completed, []);
        }

        if (Update == UpdatePhase.Completing)
        {
            throw new InvalidOperationException(
                $"Workflow '{new Printable(Id)}' is being completed by CompleteAsync, so this change would be lost. Return what must stay as the receipt."
            );
        }

        if (Update == UpdatePhase.Storing)
        {
            throw new InvalidOperationException(
                $"Workflow '{new Printable(Id)}' is being loaded or committed by UpdateAsync, which would drop this change. Await UpdateAsync first."
            );
        }
    }

    private void ThrowIfNotLoaded()
    {
        if (!IsLoaded)
        {
            Store.ThrowIfDisposed();
            ThrowNotLoaded();
        }
    }

    [DoesNotReturn]
    private void ThrowNotLoaded() =>
        throw new InvalidOperationException(
            $"Workflow '{new Printable(Id)}' is not loaded. Call LoadAsync first; reading never waits for a store."
        );
}
