namespace WorkflowSessions.AspNetCore.Tests;

/// <summary>What the handler of a <see cref="ResponseProgram"/> does next.</summary>
internal enum ResponseStep
{
    /// <summary>Writes to <c>Response.Body</c>.</summary>
    WriteToBody,

    /// <summary>Writes to <c>Response.Body</c>, and flushes.</summary>
    WriteToBodyAndFlush,

    /// <summary>Writes to <c>Response.BodyWriter</c>, without a flush.</summary>
    WriteToWriter,

    /// <summary>Writes to <c>Response.BodyWriter</c>, and flushes.</summary>
    WriteToWriterAndFlush,

    WriteJson,
    SendFile,
    SetStatus,
    SetHeader,
    AddCallback,
    Start,
    Complete,
    Redirect,
    Throw,

    /// <summary>Opens the workflow.</summary>
    Open,

    /// <summary>Opens the workflow, and sets a value that no other step sets.</summary>
    SetValue,

    /// <summary><c>IWorkflowSessions.CommitAsync</c>.</summary>
    Commit,
}
