using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace WorkflowSessions.Redis.Tests;

/// <summary>Keeps what is logged about the connection.</summary>
internal sealed class LogOfTest : ILoggerFactory, ILogger
{
    private readonly ConcurrentQueue<(int Id, string Text)> _lines = [];

    /// <summary>The messages with one event id, in order.</summary>
    public string[] Of(int id) => [.. _lines.Where(line => line.Id == id).Select(line => line.Text)];

    public async Task<string> FirstAsync(int id)
    {
        using CancellationTokenSource limit = new(TimeSpan.FromMinutes(1));
        while (Of(id).Length == 0)
        {
            await Task.Delay(5, limit.Token);
        }

        return Of(id)[0];
    }

    public ILogger CreateLogger(string categoryName)
    {
        Assert.That(categoryName, Is.EqualTo(WorkflowSessionsDiagnostics.LoggerCategory));
        return this;
    }

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
    ) => _lines.Enqueue((eventId.Id, formatter(state, exception)));

    public void Dispose() { }
}
