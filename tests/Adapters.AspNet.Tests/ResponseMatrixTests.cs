using System.Net;
using System.Text;

namespace WorkflowSessions.AspNetCore.Tests;

/// <summary>Every way to answer, behind every kind of error page, with every fault, over real connections.</summary>
[TestFixtureSource(nameof(Applications))]
public sealed class ResponseMatrixTests(string page, bool isDropIn)
{
    private ResponseMatrixApplication _application = null!;
    private HttpClient _client = null!;

    private static IEnumerable<object[]> Applications =>
        ResponseMatrixApplication.Pages.SelectMany(page => new object[][] { [page, false], [page, true] });

    private static IEnumerable<object[]> Cells =>
        ResponseMatrixApplication.Answers.SelectMany(answer =>
            ResponseMatrixApplication.Faults.Select(fault => new object[] { answer, fault })
        );

    [SetUp]
    public async Task StartAsync()
    {
        _application = await ResponseMatrixApplication.StartAsync(page, isDropIn);
        _client = _application.Client();
    }

    [TearDown]
    public async Task StopAsync()
    {
        _client.Dispose();
        await _application.DisposeAsync();
    }

    [TestCaseSource(nameof(Cells))]
    public async Task Client_never_gets_a_success_that_is_not_stored_and_never_a_mixture(string answer, string fault)
    {
        _application.Break("none", answer);
        string cookie = await BeginAsync();
        _application.Break(fault, answer);
        Reply reply = fault == "client" ? await LeaveAsync(answer, cookie) : await SendAsync(answer, fault, cookie);
        await _application.Finished;
        Exception? thrown = _application.Thrown;
        _application.Break("none", answer);
        string[] stored = (await ReadAsync(cookie)).Split(' ');
        string of = $"{reply.Status} {(reply.IsComplete ? "complete" : "cut")} [{reply.Body}] stored {string.Join(' ', stored)}";

        bool isLate = answer == "late change";
        Assert.That(stored, Is.All.AnyOf("11", "22"), $"each workflow is stored whole or not: {of}");
        string changed = isLate ? stored[1] : stored[0];
        Assert.That(
            new[] { ResponseMatrixApplication.HandlerMarker, ResponseMatrixApplication.PageMarker, "mayBeStored", "<html" }.Count(
                reply.Body.Contains
            ),
            Is.AtMost(1),
            of
        );
        if (fault == "client")
        {
            // Without an exception the changes are kept although nobody reads the answer.
            Assert.That(changed, thrown is null ? Is.EqualTo("22") : Is.AnyOf("11", "22"), of);
            return;
        }

        if (fault == "none")
        {
            Assert.That((int)reply.Status, Is.LessThan(400), of);
            Assert.That(reply.IsComplete, of);
            Assert.That(changed, Is.EqualTo("22"), of);
            Assert.That(reply.Headers, Does.Contain(ResponseMatrixApplication.FrontHeader), of);
        }
        else
        {
            Assert.That(changed, Is.EqualTo("11"), of);
            Assert.That(reply.IsComplete && (int)reply.Status < 400, Is.False, of);
        }

        if (isLate && fault != "none")
        {
            Assert.That(reply.IsComplete, Is.False, $"bytes were sent already: {of}");
            Assert.That(stored[0], Is.EqualTo("22"), $"what was committed before the first byte stays: {of}");
        }
        else if (fault != "none")
        {
            int expected =
                fault == "exception" ? 500
                : fault == "time-out" ? 504
                : 503;
            Assert.That((int)reply.Status, Is.EqualTo(expected), of);
            Assert.That(reply.IsComplete, of);
            Assert.That(reply.Body, Does.Not.Contain(ResponseMatrixApplication.HandlerMarker), of);
        }

        // Where nobody handles an exception, the server answers by itself, without any callback.
        bool isAnsweredByServer = fault == "exception" && page is ("none" or "status code pages");
        // A connection that is aborted may not even deliver the headers that were sent.
        if (!isAnsweredByServer && (reply.IsComplete || reply.Headers.Count > 0))
        {
            Assert.That(reply.Headers, Does.Contain(ResponseMatrixApplication.FrontCallbackHeader), of);
            Assert.That(reply.Headers, Does.Contain(ResponseMatrixApplication.HandlerCallbackHeader), of);
        }
    }

    private async Task<string> BeginAsync()
    {
        using HttpResponseMessage begun = await _client.PostAsync(new Uri("/begin", UriKind.Relative), content: null);
        Assert.That(begun.StatusCode, Is.EqualTo(HttpStatusCode.OK));
        return Browser.SetCookieOf(begun)!.Split(';')[0];
    }

    private async Task<string> ReadAsync(string cookie)
    {
        using HttpRequestMessage request = new(HttpMethod.Get, "/read");
        request.Headers.Add("Cookie", cookie);
        using HttpResponseMessage response = await _client.SendAsync(request);
        return await response.Content.ReadAsStringAsync();
    }

    private HttpRequestMessage Request(string answer, string fault, string cookie)
    {
        string path = $"/{ResponseMatrixApplication.Path(answer)}{(fault == "time-out" ? "/timed" : "")}";
        HttpRequestMessage request = new(HttpMethod.Post, path);
        request.Headers.Add("Cookie", cookie);
        // Ours has no body then, so that the application's page is shown.
        if (page == "status code pages")
        {
            request.Headers.Add("Accept", "text/html");
        }

        return request;
    }

    private async Task<Reply> SendAsync(string answer, string fault, string cookie)
    {
        using HttpRequestMessage request = Request(answer, fault, cookie);
        HttpResponseMessage? response = null;
        using MemoryStream body = new();
        bool isComplete = true;
        try
        {
            response = await _client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
            await response.Content.CopyToAsync(body);
        }
        catch (Exception error) when (error is IOException or HttpRequestException)
        {
            isComplete = false;
        }

        using (response)
        {
            return new Reply(
                response?.StatusCode ?? HttpStatusCode.Unused,
                isComplete,
                Encoding.UTF8.GetString(body.ToArray()),
                [.. response?.Headers.Select(header => header.Key) ?? []]
            );
        }
    }

    private async Task<Reply> LeaveAsync(string answer, string cookie)
    {
        using CancellationTokenSource leaving = new();
        using HttpRequestMessage request = Request(answer, "client", cookie);
        Task<HttpResponseMessage> sending = _client.SendAsync(request, HttpCompletionOption.ResponseContentRead, leaving.Token);
        await _application.Waiting;
        await leaving.CancelAsync();
        await Assert.ThatAsync(async () => await sending, Throws.InstanceOf<OperationCanceledException>());
        return new Reply(HttpStatusCode.Unused, IsComplete: false, "", []);
    }

    private sealed record Reply(HttpStatusCode Status, bool IsComplete, string Body, IReadOnlyCollection<string> Headers);
}
