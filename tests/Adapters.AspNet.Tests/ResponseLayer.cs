namespace WorkflowSessions.AspNetCore.Tests;

/// <summary>A middleware in the pipeline of a <see cref="ResponseProgram"/>.</summary>
internal enum ResponseLayer
{
    /// <summary><c>UseExceptionHandler</c>, with a page that writes a marker.</summary>
    ErrorPage,

    /// <summary><c>UseStatusCodePages</c>, with a page that writes a marker.</summary>
    StatusPages,

    /// <summary>Sets a header when the response starts.</summary>
    HeaderCallback,

    /// <summary>Catches exceptions and writes a marker, unless the response has started.</summary>
    Catch,

    /// <summary>The same, and clears the response before.</summary>
    CatchAndClear,

    /// <summary>Replaces the body with a memory stream, and copies that at the end.</summary>
    Buffer,

    /// <summary><c>UseResponseCompression</c>.</summary>
    Compression,

    /// <summary><c>UseWorkflowSessions</c>; nothing in the reference.</summary>
    Session,

    /// <summary>Chooses the endpoint, as <c>UseRouting</c> does.</summary>
    Routing,
}
