namespace WorkflowSessions;

/// <summary>Why a value would not come back as it is.</summary>
/// <param name="Place">The type, and the member or the elements of it: the subject of the sentence.</param>
/// <param name="Reason">The rest of the sentence.</param>
/// <param name="Advice">What to write instead.</param>
internal sealed record ContractProblem(string Place, string Reason, string Advice);
