using System.Runtime.ExceptionServices;

namespace WorkflowSessions.AspNetCore;

/// <summary>Makes one exception of the failures of several commits.</summary>
internal static class CommitFailures
{
    public static void ThrowIfAny(IReadOnlyCollection<Task> commits)
    {
        List<Exception> failures = [.. commits.Where(commit => !commit.IsCompletedSuccessfully).Select(FailureOf)];
        if (failures.Count == 0)
        {
            return;
        }

        WorkflowSessionException[] known = [.. failures.OfType<WorkflowSessionException>()];
        if (failures.Count == 1 || known.Length < failures.Count)
        {
            ExceptionDispatchInfo.Throw(failures.Find(failure => failure is not WorkflowSessionException) ?? failures[0]);
        }

        AggregateException all = new(failures);
        string names = string.Join(", ", known.Select(failure => $"'{failure.WorkflowId}'"));
        throw known.All(failure => failure is WorkflowConflictException)
            ? new WorkflowConflictException(
                $"Workflows {names} were not stored, because other requests changed or ended them meanwhile. Load them and try again.",
                "",
                ((WorkflowConflictException)known[0]).Reason,
                [],
                all
            )
            : new SessionStoreException(
                $"Workflows {names} were not stored. Try again.",
                "",
                known.Any(failure => failure is SessionStoreException { MayBeStored: true }),
                all
            );
    }

    private static Exception FailureOf(Task commit) =>
        commit.Exception?.InnerException ?? new OperationCanceledException("The commit was cancelled.");
}
