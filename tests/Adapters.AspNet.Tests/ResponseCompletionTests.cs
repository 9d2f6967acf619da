using System.Buffers;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace WorkflowSessions.AspNetCore.Tests;

/// <summary>A handler that changes a workflow after the first byte, and then completes the response itself.</summary>
public sealed class ResponseCompletionTests
{
    private const string Text = "begun, done";

    private readonly StoreOfTest _store = new();

    /// <summary>The ways in which a handler completes a response whose first six bytes are sent.</summary>
    private static IEnumerable<TestCaseData> Completions
    {
        get
        {
            yield return Completion("CompleteAsync", hasLength: false, response => response.CompleteAsync());
            yield return Completion("completed writer", hasLength: false, response => response.BodyWriter.CompleteAsync().AsTask());
            yield return Completion("last byte to the stream", hasLength: true, response => response.Body.WriteAsync(Rest()).AsTask());
            yield return Completion(
                "last byte to the writer",
                hasLength: true,
                async response =>
                {
                    response.BodyWriter.Write(Rest().Span);
                    await response.BodyWriter.FlushAsync();
                }
            );
            yield return Completion(
                "last byte without a flush",
                hasLength: true,
                response =>
                {
                    response.BodyWriter.Write(Rest().Span);
                    return Task.CompletedTask;
                }
            );

            static ReadOnlyMemory<byte> Rest() => " done"u8.ToArray();
            static TestCaseData Completion(string name, bool hasLength, Func<HttpResponse, Task> complete) =>
                new TestCaseData(hasLength, complete).SetArgDisplayNames(name);
        }
    }

    [TestCaseSource(nameof(Completions))]
    public async Task Change_between_the_first_and_the_last_byte_is_stored(bool hasLength, Func<HttpResponse, Task> complete)
    {
        await using Application application = await StartAsync(hasLength, complete);
        using Browser browser = application.Browser("http");
        await browser.PostAsync("/set/checkout/step/1");
        Assert.That(await browser.PostAsync("/stream"), Is.EqualTo(hasLength ? Text : "begun,"));
        Assert.That(await browser.GetAsync("/get/checkout/step"), Is.EqualTo("2"));
    }

    [TestCaseSource(nameof(Completions))]
    public async Task Response_breaks_off_when_that_change_can_not_be_stored(bool hasLength, Func<HttpResponse, Task> complete)
    {
        await using Application application = await StartAsync(hasLength, complete);
        using Browser browser = application.Browser("http");
        await browser.PostAsync("/set/checkout/step/1");
        _store.Before = call =>
            call == "commit checkout"
                ? Task.FromException(new SessionStoreException("The store is down.", "checkout", mayBeStored: false))
                : Task.CompletedTask;
        Assert.That(async () => await browser.PostAsync("/stream"), Throws.InstanceOf<HttpRequestException>());
    }

    private async Task<Application> StartAsync(bool hasLength, Func<HttpResponse, Task> complete) =>
        await Application.StartAsync(
            _store,
            app =>
                app.MapPost(
                    "/stream",
                    async (HttpResponse response, IWorkflowSessions sessions) =>
                    {
                        WorkflowSession workflow = await sessions.OpenAsync("checkout");
                        response.ContentLength = hasLength ? Text.Length : null;
                        await response.Body.WriteAsync("begun,"u8.ToArray());
                        await response.Body.FlushAsync();
                        workflow.Set("step", "2");
                        await complete(response);
                    }
                ),
            kestrel: true
        );
}
