namespace WorkflowSessions;

/// <summary>A value would not come back as it is. Its message holds no value: it goes into a <see cref="WorkflowValueException"/>.</summary>
internal sealed class UnstorableValueException(ContractProblem problem, Exception? innerException = null)
    : Exception($"{problem.Place} {problem.Reason}. {problem.Advice}", innerException);
