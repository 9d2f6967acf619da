using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace WorkflowSessions.Contracts;

/// <summary>Keeps what is logged, as "id message exception": all of it as a provider of a host, what the library logs as a factory.</summary>
public sealed class LogOfTest : ILoggerFactory, ILoggerProvider, ILogger
{
    private readonly ConcurrentQueue<(int Id, string Text, Exception? Error)> _lines = new();

    public IReadOnlyList<string> Messages => [.. _lines.Select(line => $"{line.Id} {line.Text} {line.Error}")];

    /// <summary>The messages with one event id, in order, without ids and exceptions.</summary>
    public string[] Of(int id) => [.. _lines.Where(line => line.Id == id).Select(line => line.Text)];

    /// <summary>Waits for the first message with an event id.</summary>
    public async Task<string> FirstAsync(int id)
    {
        using CancellationTokenSource limit = new(TimeSpan.FromMinutes(1));
        while (Of(id).Length == 0)
        {
            await Task.Delay(5, limit.Token);
        }

        return Of(id)[0];
    }

    ILogger ILoggerProvider.CreateLogger(string categoryName) => this;

    ILogger ILoggerFactory.CreateLogger(string categoryName) =>
        string.Equals(categoryName, WorkflowSessionsDiagnostics.LoggerCategory, StringComparison.Ordinal) ? this : NullLogger.Instance;

    public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException();

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(
        LogLevel logLevel,
        EventId eventId,
        TState state,
        Exception? exception,
        Func<TState, Exception?, string> formatter
    ) => _lines.Enqueue((eventId.Id, formatter(state, exception), exception));

    public void Dispose() { }
}
