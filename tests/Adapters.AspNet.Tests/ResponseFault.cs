namespace WorkflowSessions.AspNetCore.Tests;

/// <summary>What fails in the store during a <see cref="ResponseProgram"/>.</summary>
internal enum ResponseFault
{
    None,
    Load,
    Commit,
}
