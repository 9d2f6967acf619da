namespace WorkflowSessions.AspNetCore.Tests;

/// <summary>A request, the pipeline it passes, the steps of its handler, and the fault of the store: all of it follows from the seed.</summary>
/// <param name="Seed">The seed.</param>
/// <param name="Layers">The pipeline, from the outside to the handler.</param>
/// <param name="Steps">The steps of the handler, each with a number that is its own.</param>
/// <param name="Method">The method of the request.</param>
/// <param name="Accept">What the client asks for; null for anything.</param>
/// <param name="AcceptsGzip">Whether the client takes compressed responses.</param>
/// <param name="HasSession">Whether the client has a session with a value already.</param>
/// <param name="Fault">What fails.</param>
/// <param name="FaultyCalls">Which calls of that kind fail, counted from 0.</param>
internal sealed record ResponseProgram(
    ulong Seed,
    IReadOnlyList<ResponseLayer> Layers,
    IReadOnlyList<(ResponseStep Step, int Number)> Steps,
    string Method,
    string? Accept,
    bool AcceptsGzip,
    bool HasSession,
    ResponseFault Fault,
    Range FaultyCalls
)
{
    private const int MaxSteps = 9;

    /// <summary>Whether a layer keeps bytes back, so that what writes behind it finds a response that has not started.</summary>
    public bool IsHeld => Layers.Any(IsHolder);

    /// <summary>Whether a layer in front of the session keeps bytes back.</summary>
    public bool IsHeldInFront => Layers.TakeWhile(layer => layer != ResponseLayer.Session).Any(IsHolder);

    /// <summary>Whether a layer behind the session keeps bytes back where an error page behind it adds its own.</summary>
    public bool IsMixedBehind => Behind.SkipWhile(layer => !IsHolder(layer)).Any(IsErrorPage);

    /// <summary>Whether a layer between the session and the handler keeps bytes back until it ends.</summary>
    public bool IsBufferedBehind => Behind.Contains(ResponseLayer.Buffer);

    /// <summary>Whether a layer between the session and the handler decides when bytes come to the session.</summary>
    public bool IsCompressedBehind => Behind.Contains(ResponseLayer.Compression);

    private IEnumerable<ResponseLayer> Behind => Layers.SkipWhile(layer => layer != ResponseLayer.Session);

    public static ResponseProgram Of(ulong seed)
    {
        Random random = new(unchecked((int)(seed ^ (seed >> 32))));
        List<ResponseLayer> layers = [.. Enum.GetValues<ResponseLayer>().Where(layer => IsNeeded(layer) || random.Next(3) == 0)];
        ResponseLayer[] shuffled = [.. layers];
        random.Shuffle(shuffled);
        if (random.Next(3) == 0)
        {
            // As the drop-in has it.
            shuffled = [ResponseLayer.Session, .. shuffled.Where(layer => layer != ResponseLayer.Session)];
        }

        ResponseStep[] kinds = Enum.GetValues<ResponseStep>();
        // Values are what it is about.
        ResponseStep[] choices = [.. kinds, ResponseStep.SetValue, ResponseStep.SetValue, ResponseStep.WriteToWriter];
        ResponseFault fault = random.Next(2) == 0 ? ResponseFault.None : random.GetItems([ResponseFault.Load, ResponseFault.Commit], 1)[0];
        int first = random.Next(4) == 0 ? 1 : 0;
        return new ResponseProgram(
            seed,
            shuffled,
            [.. Enumerable.Range(0, random.Next(MaxSteps + 1)).Select(number => (choices[random.Next(choices.Length)], number))],
            random.GetItems(["GET", "POST", "POST", "HEAD"], 1)[0],
            random.Next(3) == 0 ? "text/html" : null,
            random.Next(2) == 0,
            random.Next(2) == 0,
            fault,
            random.Next(3) == 0 ? first..(first + 1) : first..int.MaxValue
        );
    }

    /// <summary>The same with one layer or one step less.</summary>
    public IEnumerable<ResponseProgram> Smaller()
    {
        for (int i = 0; i < Steps.Count; i++)
        {
            yield return this with
            {
                Steps = [.. Steps.Take(i), .. Steps.Skip(i + 1)],
            };
        }

        foreach (ResponseLayer layer in Layers.Where(layer => !IsNeeded(layer)))
        {
            yield return this with
            {
                Layers = [.. Layers.Where(other => other != layer)],
            };
        }

        if (AcceptsGzip)
        {
            yield return this with
            {
                AcceptsGzip = false,
            };
        }

        if (Accept is not null)
        {
            yield return this with
            {
                Accept = null,
            };
        }

        if (!string.Equals(Method, "GET", StringComparison.Ordinal))
        {
            yield return this with
            {
                Method = "GET",
            };
        }
    }

    public override string ToString()
    {
        string who =
            $"{Method}, Accept {Accept ?? "*/*"}, {(AcceptsGzip ? "gzip" : "no gzip")}, {(HasSession ? "with" : "without")} a session";
        string fault = Fault == ResponseFault.None ? "no fault" : $"fault {Fault} {FaultyCalls}";
        string steps = string.Join(", ", Steps.Select(step => $"{step.Step} {step.Number}"));
        return $"seed {Seed}: {who}, {fault}\n  pipeline: {string.Join(" > ", Layers)}\n  handler: {steps}";
    }

    private static bool IsNeeded(ResponseLayer layer) => layer is ResponseLayer.Session or ResponseLayer.Routing;

    private static bool IsErrorPage(ResponseLayer layer) =>
        layer is ResponseLayer.ErrorPage or ResponseLayer.StatusPages or ResponseLayer.Catch or ResponseLayer.CatchAndClear;

    private static bool IsHolder(ResponseLayer layer) => layer is ResponseLayer.Buffer or ResponseLayer.Compression;
}
