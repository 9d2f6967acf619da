using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace WorkflowSessions.AspNetCore.Tests;

/// <summary>Keeps everything that an application logs.</summary>
internal sealed class LogOfTest : ILoggerProvider, ILogger
{
    private readonly ConcurrentQueue<string> _messages = new();

    public IReadOnlyCollection<string> Messages => _messages;

    public ILogger CreateLogger(string categoryName) => this;

    public void Dispose() { }

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(
        LogLevel logLevel,
        EventId eventId,
        TState state,
        Exception? exception,
        Func<TState, Exception?, string> formatter
    ) => _messages.Enqueue($"{eventId.Id} {formatter(state, exception)} {exception}");
}
