using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Components.Rendering;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.Extensions.DependencyInjection;

namespace WorkflowSessions.AspNetCore.Tests;

/// <summary>Workflows in Razor components that are rendered on the server, at once or as a stream.</summary>
public sealed class RazorComponentTests
{
    private readonly StoreOfTest _store = new();
    private readonly Gate _gate = new();

    [Test]
    public async Task Static_component_is_committed_before_the_first_byte()
    {
        await using Application application = await StartAsync();
        using Browser browser = application.Browser();
        Assert.That(await browser.GetAsync("/static"), Is.EqualTo("<p>1</p>"));
        Assert.That(await browser.GetAsync("/static"), Is.EqualTo("<p>2</p>"));
        _store.Before = call => call == "commit checkout" ? Task.FromException(new IOException("down")) : Task.CompletedTask;
        Assert.That(await browser.GetAsync("/static"), Is.EqualTo("503"));
    }

    [Test]
    public async Task Streaming_component_is_committed_with_the_first_byte_and_at_the_end()
    {
        await using Application application = await StartAsync();
        using Browser browser = application.Browser();
        using HttpResponseMessage response = await browser.SendAsync(HttpMethod.Get, "/streaming/early", toFirstByte: true);
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.OK));
        Assert.That(await browser.GetAsync("/get/checkout/before"), Is.EqualTo("1"), "the session began before the first byte");
        Assert.That(await browser.GetAsync("/get/checkout/after"), Is.EqualTo("none"));
        _gate.Open();
        Assert.That(await response.Content.ReadAsStringAsync(), Does.Contain("<p>done</p>"));
        Assert.That(await browser.GetAsync("/get/checkout/after"), Is.EqualTo("2"));
    }

    [Test]
    public async Task Streaming_component_of_a_visitor_with_a_session_may_open_a_workflow_late()
    {
        await using Application application = await StartAsync();
        using Browser browser = application.Browser();
        await browser.PostAsync("/set/checkout/step/1");
        using HttpResponseMessage response = await browser.SendAsync(HttpMethod.Get, "/streaming/late", toFirstByte: true);
        _gate.Open();
        Assert.That(await response.Content.ReadAsStringAsync(), Does.Contain("<p>done</p>"));
        Assert.That(await browser.GetAsync("/get/checkout/after"), Is.EqualTo("2"));
    }

    [Test]
    public async Task Streaming_component_can_not_begin_a_session_after_the_first_byte_and_the_visitor_is_told()
    {
        await using Application application = await StartAsync();
        using Browser browser = application.Browser();
        using HttpResponseMessage response = await browser.SendAsync(HttpMethod.Get, "/streaming/late", toFirstByte: true);
        _gate.Open();
        string text = await response.Content.ReadAsStringAsync();
        Assert.That(text, Does.Contain("""<template type="error">""").And.Not.Contain("<p>done</p>"));
        // The request goes on after its last byte, until its exception is logged.
        await application.DisposeAsync();
        Assert.That(application.Log.Messages, Has.Some.Contains("in a component with streaming rendering, before its first await"));
        Assert.That(_store.Calls, Has.None.StartsWith("commit"));
        Assert.That(browser.Cookie, Is.Null);
    }

    [Test]
    public async Task Streaming_component_that_changes_a_workflow_while_the_first_byte_waits_for_the_commit_loses_nothing()
    {
        await using Application application = await StartAsync();
        using Browser browser = application.Browser();
        await browser.PostAsync("/set/checkout/step/1");
        TaskCompletionSource committing = new(TaskCreationOptions.RunContinuationsAsynchronously);
        TaskCompletionSource commit = new(TaskCreationOptions.RunContinuationsAsynchronously);
        int commits = 0;
        _store.Before = call =>
        {
            if (call == "commit checkout" && Interlocked.Increment(ref commits) == 1)
            {
                committing.SetResult();
                return commit.Task;
            }

            return Task.CompletedTask;
        };
        Task<HttpResponseMessage> sending = browser.SendAsync(HttpMethod.Get, "/streaming/early");
        await committing.Task;
        _gate.Open();
        await _gate.Passed;
        commit.SetResult();
        using HttpResponseMessage response = await sending;
        Assert.That(await response.Content.ReadAsStringAsync(), Does.Contain("<p>done</p>"));
        Assert.That(await browser.GetAsync("/get/checkout/before"), Is.EqualTo("1"));
        Assert.That(await browser.GetAsync("/get/checkout/after"), Is.EqualTo("2"));
    }

    private Task<Application> StartAsync() =>
        Application.StartAsync(
            _store,
            app =>
            {
                app.MapGet("/static", () => new RazorComponentResult<Counter>());
                app.MapGet("/streaming/early", () => new RazorComponentResult<Report>(new { OpensEarly = true }));
                app.MapGet("/streaming/late", () => new RazorComponentResult<Report>(new { OpensEarly = false }));
            },
            builder =>
            {
                builder.Services.AddRazorComponents();
                builder.Services.AddSingleton(_gate);
            },
            kestrel: true
        );

    /// <summary>What a streaming component waits for.</summary>
    private sealed class Gate
    {
        private readonly TaskCompletionSource _open = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly TaskCompletionSource _passed = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task Opened => _open.Task;

        public Task Passed => _passed.Task;

        public void Open() => _open.SetResult();

        public void Pass() => _passed.SetResult();
    }

    private sealed class Counter : ComponentBase
    {
        private int _count;

        [Inject]
        public IWorkflowSessions Workflows { get; set; } = null!;

        protected override async Task OnInitializedAsync()
        {
            WorkflowSession checkout = await Workflows.OpenAsync("checkout");
            checkout.Set("count", checkout.Get("count", 0) + 1);
            _count = checkout.Get<int>("count");
        }

        protected override void BuildRenderTree(RenderTreeBuilder builder) => builder.AddMarkupContent(0, $"<p>{_count}</p>");
    }

    [StreamRendering]
    private sealed class Report : ComponentBase
    {
        private string _text = "working";

        [Inject]
        public IWorkflowSessions Workflows { get; set; } = null!;

        [Inject]
        public Gate Gate { get; set; } = null!;

        [Parameter]
        public bool OpensEarly { get; set; }

        protected override async Task OnInitializedAsync()
        {
            WorkflowSession? checkout = null;
            if (OpensEarly)
            {
                checkout = await Workflows.OpenAsync("checkout");
                checkout.Set("before", "1");
            }

            await Gate.Opened;
            checkout ??= await Workflows.OpenAsync("checkout");
            checkout.Set("after", "2");
            Gate.Pass();
            _text = "done";
        }

        protected override void BuildRenderTree(RenderTreeBuilder builder) => builder.AddMarkupContent(0, $"<p>{_text}</p>");
    }
}
