using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace WorkflowSessions;

/// <summary>Options that all buffered stores have. Set them before the first use.</summary>
public class BufferedSessionStoreOptions
{
    private readonly WorkflowOptionsTable _workflows = new();

    /// <summary>How long a workflow stays when nobody loads or commits it. 20 minutes by default; null for no limit.</summary>
    public TimeSpan? IdleTimeout { get; set; } = TimeSpan.FromMinutes(20);

    /// <summary>How long a workflow stays at the longest, counted from its first commit. Null, no limit, by default.</summary>
    public TimeSpan? AbsoluteTimeout { get; set; }

    /// <summary>
    /// How many entries a workflow may have. 1,000 by default. It holds for what is stored, also when requests merge, where
    /// <see cref="SessionStoreCapabilities.AtomicCommit"/> is promised; elsewhere for what one request sees.
    /// </summary>
    public int MaxEntries { get; set; } = 1_000;

    /// <summary>
    /// How many bytes the keys and values of a workflow may have, encoded. 1 MiB by default. It holds for what one request sees: requests that merge may store more, and
    /// the next one can't add to it.
    /// </summary>
    public int MaxWorkflowBytes { get; set; } = 1_048_576;

    /// <summary>How many workflows a session may have, and one request may open. 100 by default. A store that can't list does not count what is stored.</summary>
    public int MaxWorkflows { get; set; } = 100;

    /// <summary>How long <c>UpdateAsync</c> tries again when others change the workflow at the same time. 10 seconds by default.</summary>
    public TimeSpan UpdateTimeout { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>What turns objects and collections into bytes. <see cref="JsonSessionSerializer"/> by default.</summary>
    public ISessionSerializer Serializer { get; set; } = new JsonSessionSerializer();

    /// <summary>
    /// Whether <c>Set</c> reads each object and collection back, and refuses one that is not the same then. It costs two more writes and one read. Null, the
    /// default, is true where the host is in Development and in <c>InMemoryWorkflowSessions</c>, and false elsewhere.
    /// </summary>
    public bool? VerifyValues { get; set; }

    /// <summary>The clock of stamps and timeouts; the system's by default.</summary>
    public TimeProvider TimeProvider { get; set; } = TimeProvider.System;

    /// <summary>Where failures and conflicts are logged, in the category <c>WorkflowSessions</c>. Null, nowhere, by default; that of the host where there is one.</summary>
    public ILoggerFactory? LoggerFactory
    {
        get;
        set
        {
            field = value;
            // Now, and not when something fails, which can be when the factory is gone already.
            Logger = value?.CreateLogger(WorkflowSessionsDiagnostics.LoggerCategory) ?? NullLogger.Instance;
        }
    }

    /// <summary>Whether every workflow must have a timeout, because the store keeps data outside the process.</summary>
    protected virtual bool RequiresExpiry => false;

    internal ILogger Logger { get; private set; } = NullLogger.Instance;

    /// <summary>Takes the name of the host's application, for defaults that keep two applications apart. Called once, before the options are checked.</summary>
    /// <param name="applicationName">The name.</param>
    protected internal virtual void UseApplicationName(string applicationName) { }

    /// <summary>Sets options of one workflow and of its instances. They begin as those of the store are at the time of the call.</summary>
    /// <param name="workflowId">The id of the workflow.</param>
    /// <param name="configure">Sets the options.</param>
    /// <exception cref="ArgumentException">The id is null, empty, too long or has a lone surrogate.</exception>
    public void Workflow(string workflowId, Action<WorkflowOptions> configure)
    {
        NameRules.ThrowIfInvalidWorkflowId(workflowId);
        ArgumentNullException.ThrowIfNull(configure);
        configure(_workflows.Workflow(workflowId, Defaults()));
    }

    /// <summary>Sets options of all workflows whose ids begin alike. They begin as those of the store are at the time of the call.</summary>
    /// <param name="pattern">The beginning of the ids and an asterisk, as <c>import-*</c>. <see cref="Workflow"/> goes before it. Instances are matched by the id of their workflow.</param>
    /// <param name="configure">Sets the options.</param>
    /// <exception cref="ArgumentException">The pattern has another form, or fits a workflow that an earlier pattern fits, too.</exception>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    public void Workflows(string pattern, Action<WorkflowOptions> configure)
    {
        ArgumentNullException.ThrowIfNull(pattern);
        ArgumentNullException.ThrowIfNull(configure);
        configure(_workflows.Group(pattern, Defaults()));
    }

    /// <summary>Whether options of one workflow were set, with <see cref="Workflow"/>.</summary>
    /// <param name="workflowId">The id of the workflow.</param>
    /// <exception cref="ArgumentNullException"><paramref name="workflowId"/> is null.</exception>
    public bool HasWorkflow(string workflowId) => _workflows.Has(workflowId);

    private WorkflowOptions Defaults() => new() { IdleTimeout = IdleTimeout, AbsoluteTimeout = AbsoluteTimeout };

    internal (TimeSpan? Idle, TimeSpan? Absolute) Timeouts(string workflowId) =>
        string.Equals(workflowId, SessionSecret.WorkflowId, StringComparison.Ordinal) ? (SecretIdleTimeout(), null)
        : _workflows.Find(workflowId) is { } options ? (options.IdleTimeout, options.AbsoluteTimeout)
        : (IdleTimeout, AbsoluteTimeout);

    /// <summary>How long the receipt of a completed workflow stays; null for no limit.</summary>
    internal TimeSpan? ReceiptTimeout(string workflowId) =>
        _workflows.Find(workflowId) is { } options ? Receipt(options) : IdleTimeout ?? AbsoluteTimeout;

    /// <summary>How long a claim is good for.</summary>
    internal TimeSpan CompletionTimeout(string workflowId) =>
        _workflows.Find(workflowId)?.CompletionTimeout ?? WorkflowOptions.DefaultCompletionTimeout;

    private static TimeSpan? Receipt(WorkflowOptions options) => options.ReceiptTimeout ?? options.IdleTimeout ?? options.AbsoluteTimeout;

    /// <summary>Twice the longest that any workflow stays unused: a workflow that is committed at the end of a long request stays longer than
    /// what was loaded at its start.</summary>
    private TimeSpan? SecretIdleTimeout()
    {
        TimeSpan? longest = IdleTimeout ?? AbsoluteTimeout;
        foreach ((_, WorkflowOptions options) in _workflows.All)
        {
            foreach (TimeSpan? stays in (ReadOnlySpan<TimeSpan?>)[options.IdleTimeout ?? options.AbsoluteTimeout, Receipt(options)])
            {
                longest =
                    stays is null || longest is null ? null
                    : stays > longest ? stays
                    : longest;
            }
        }

        return 2 * longest;
    }

    /// <summary>Checks the options, as the host does when it starts and every factory when it is created.</summary>
    /// <param name="parameterName">The name of the parameter that the options came in.</param>
    /// <exception cref="ArgumentException">An option is out of range; the message names it and the range.</exception>
    public virtual void ThrowIfInvalid(string? parameterName = null)
    {
        Require(MaxEntries > 0, $"{nameof(MaxEntries)} must be at least 1.", parameterName);
        Require(MaxWorkflowBytes > 0, $"{nameof(MaxWorkflowBytes)} must be at least 1.", parameterName);
        Require(MaxWorkflows > 0, $"{nameof(MaxWorkflows)} must be at least 1.", parameterName);
        Require(UpdateTimeout > TimeSpan.Zero, $"{nameof(UpdateTimeout)} must be longer than zero.", parameterName);
        Require(Serializer is not null, $"{nameof(Serializer)} must be set.", parameterName);
        Require(TimeProvider is not null, $"{nameof(TimeProvider)} must be set.", parameterName);
        const string Range = "must be from a millisecond to 36,500 days, or null for none.";
        RequireTimeouts(IdleTimeout, AbsoluteTimeout, "");
        foreach ((string of, WorkflowOptions options) in _workflows.All)
        {
            RequireTimeouts(options.IdleTimeout, options.AbsoluteTimeout, of);
            Require(IsValid(options.ReceiptTimeout), $"{nameof(WorkflowOptions.ReceiptTimeout)}{of} {Range}", parameterName);
            Require(
                IsValid(options.CompletionTimeout),
                $"{nameof(WorkflowOptions.CompletionTimeout)}{of} must be from a millisecond to 36,500 days.",
                parameterName
            );
        }

        void RequireTimeouts(TimeSpan? idle, TimeSpan? absolute, string of)
        {
            Require(IsValid(idle), $"{nameof(IdleTimeout)}{of} {Range}", parameterName);
            Require(IsValid(absolute), $"{nameof(AbsoluteTimeout)}{of} {Range}", parameterName);
            Require(
                !RequiresExpiry || idle is not null || absolute is not null,
                $"{nameof(IdleTimeout)}{of} must be set where {nameof(AbsoluteTimeout)} is not: what is kept outside the process must end some time.",
                parameterName
            );
        }

        static bool IsValid(TimeSpan? timeout) =>
            timeout is null || (timeout >= TimeSpan.FromMilliseconds(1) && timeout <= TimeSpan.FromDays(36_500));
    }

    /// <summary>Throws when an option is out of range.</summary>
    /// <param name="condition">What must hold.</param>
    /// <param name="message">The option and its range.</param>
    /// <param name="parameterName">The name of the parameter that the options came in.</param>
    /// <exception cref="ArgumentException">The condition does not hold.</exception>
    protected static void Require(bool condition, string message, string? parameterName)
    {
        if (!condition)
        {
            throw new ArgumentException(message, parameterName);
        }
    }
}
