namespace WorkflowSessions.Redis.Explorer;

/// <summary>One request: a session that was opened for it, and what it knows of the workflows in it.</summary>
internal sealed class Request(Client client)
{
    private readonly BufferedSessionStore _session = client.Node.Sessions.Open(client.Network.SessionId);
    private readonly Dictionary<string, WorkflowSession> _workflows = new(StringComparer.Ordinal);
    private readonly Dictionary<string, StoredWorkflow?> _loaded = new(StringComparer.Ordinal);
    private readonly Dictionary<string, StoredWorkflow?> _read = new(StringComparer.Ordinal);

    public Client Client => client;

    /// <summary>Takes notice of an answer to a load.</summary>
    public void Read(string workflow, StoredWorkflow? stored) => _read[workflow] = stored;

    /// <summary>Makes one call.</summary>
    /// <returns>False when the request is over, because the call failed.</returns>
    public async Task<bool> RunAsync(Call call, string value)
    {
        Call.Current = call;
        try
        {
            string[] words = call.Step.Split(' ');
            await RunAsync(call, words[0], words.Length > 1 ? words[1] : "", value);
            call.Outcome = Outcome.Acknowledged;
        }
        catch (WorkflowConflictException conflict)
        {
            call.Outcome = conflict.Reason == WorkflowConflictReason.Changed ? Outcome.Changed : Outcome.Ended;
        }
        catch (SessionStoreException error)
        {
            call.Error = error.Message;
            call.Outcome =
                error.Message.Contains("damaged", StringComparison.Ordinal) ? Outcome.Unexpected
                : error.MayBeStored ? Outcome.MayBeStored
                : Outcome.NotStored;
        }
        catch (Exception error) when (error is not ScheduleException)
        {
            call.Error = error.ToString();
            call.Outcome = Outcome.Unexpected;
        }

        if (call.Outcome == Outcome.Acknowledged && call.Runs is [.., var run])
        {
            _loaded[run.Workflow] = run.Applied >= 0 ? run.Result : null;
        }

        client.Network.Checker.End(call);
        return call.Outcome == Outcome.Acknowledged;
    }

    private async Task RunAsync(Call call, string verb, string id, string value)
    {
        switch (verb)
        {
            case "pause":
                await client.PauseAsync();
                break;
            case "endall":
                await _session.EndAsync();
                break;
            case "list":
                IReadOnlyList<WorkflowSummary> named = await _session.ListAsync();
                client.Network.Checker.Listed(call, [.. named.Select(workflow => workflow.Id)]);
                break;
            case "load":
                await LoadAsync(Open(id));
                client.Network.Checker.Loaded(call, Open(id), _read.GetValueOrDefault(id));
                break;
            case "inc":
                await Open(id).UpdateAsync(workflow => Increment(call, workflow, value));
                break;
            case "updend":
                await Open(id).UpdateAsync(workflow => UpdateToEnd(call, workflow));
                break;
            default:
                await CommitAsync(call, verb, Open(id), value);
                break;
        }
    }

    private async Task CommitAsync(Call call, string verb, WorkflowSession workflow, string value)
    {
        if (!workflow.IsLoaded)
        {
            await LoadAsync(workflow);
        }

        Run run = new(workflow.Id, _loaded[workflow.Id]) { Ends = verb is "end" or "endset", Clears = verb is "clearset" };
        if (run.Ends)
        {
            workflow.End();
        }

        if (run.Clears)
        {
            workflow.Clear();
        }

        if (verb is "set" or "endset" or "clearset")
        {
            run.Sets["x"] = value;
            workflow.Set("x", value);
        }

        call.Runs.Add(run);
        await workflow.CommitAsync();
    }

    private void Increment(Call call, WorkflowSession workflow, string value)
    {
        Run run = new(workflow.Id, WhatIsLoaded(workflow)) { RequiresVersion = true };
        run.Sets["n"] = (int.Parse(workflow.Get("n", "0")!, System.Globalization.CultureInfo.InvariantCulture) + 1).ToString(
            System.Globalization.CultureInfo.InvariantCulture
        );
        run.Sets["u"] = $"{value}.{call.Runs.Count}";
        foreach ((string key, string text) in run.Sets)
        {
            workflow.Set(key, text);
        }

        call.Runs.Add(run);
    }

    private void UpdateToEnd(Call call, WorkflowSession workflow)
    {
        call.Runs.Add(new Run(workflow.Id, WhatIsLoaded(workflow)) { RequiresVersion = true, Ends = true });
        workflow.End();
    }

    private async Task LoadAsync(WorkflowSession workflow)
    {
        await workflow.LoadAsync();
        _loaded[workflow.Id] = WhatIsLoaded(workflow);
    }

    private StoredWorkflow? WhatIsLoaded(WorkflowSession workflow) =>
        workflow.LastModified is null ? null : _read.GetValueOrDefault(workflow.Id);

    private WorkflowSession Open(string id) =>
        _workflows.TryGetValue(id, out WorkflowSession? workflow) ? workflow : _workflows[id] = new WorkflowSession(_session, id);
}
