using System.Globalization;
using System.Text;

namespace WorkflowSessions.Benchmarks;

/// <summary>The time of a request against a size, both axes logarithmic, as SVG.</summary>
internal static class LogPlot
{
    private const double Left = 70;
    private const double Top = 30;
    private const double Width = 480;
    private const double Height = 240;

    private static readonly string[] Colors = ["#b45309", "#1d4ed8"];

    /// <param name="size">What the size is of, below its axis.</param>
    /// <param name="unit">What follows each number of that axis.</param>
    /// <param name="lines">A name and, for each size, the microseconds of a request.</param>
    public static string Draw(
        string size,
        string unit,
        IReadOnlyList<(string Name, IReadOnlyList<(double Size, double Time)> Points)> lines
    )
    {
        double[] sizes = [.. lines.SelectMany(line => line.Points).Select(point => point.Size)];
        double[] times = [.. lines.SelectMany(line => line.Points).Select(point => point.Time)];
        double X(double at) => Left + (Width * Share(at, sizes.Min(), sizes.Max()));
        double low = Math.Pow(10, Math.Floor(Math.Log10(times.Min())));
        double high = Math.Pow(10, Math.Ceiling(Math.Log10(times.Max())));
        double Y(double time) => Top + (Height * (1 - Share(time, low, high)));

        StringBuilder svg = new();
        void Add(FormattableString text) => svg.AppendLine(text.ToString(CultureInfo.InvariantCulture));
        Add($"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 640 330\" font-family=\"sans-serif\" font-size=\"12\">");
        Add($"<rect width=\"640\" height=\"330\" fill=\"#ffffff\"/>");
        for (double time = low; time <= high; time *= 10)
        {
            Add($"<path d=\"M{Left} {Y(time):0.#}H{Left + Width}\" stroke=\"#d4d4d8\"/>");
            Add($"<text x=\"{Left - 8}\" y=\"{Y(time) + 4:0.#}\" text-anchor=\"end\">{time:0} µs</text>");
        }

        foreach (double at in sizes.Distinct())
        {
            Add($"<text x=\"{X(at):0.#}\" y=\"{Top + Height + 20}\" text-anchor=\"middle\">{at:N0}{unit}</text>");
        }

        Add($"<text x=\"{Left + (Width / 2)}\" y=\"{Top + Height + 44}\" text-anchor=\"middle\">{size}</text>");
        for (int i = 0; i < lines.Count; i++)
        {
            (string name, IReadOnlyList<(double Size, double Time)> points) = lines[i];
            string path = string.Join('L', points.Select(point => FormattableString.Invariant($"{X(point.Size):0.#} {Y(point.Time):0.#}")));
            Add($"<path d=\"M{path}\" fill=\"none\" stroke=\"{Colors[i]}\" stroke-width=\"2\"/>");
            (double last, double time) = points[^1];
            Add($"<text x=\"{X(last):0.#}\" y=\"{Y(time) - 8:0.#}\" text-anchor=\"end\" fill=\"{Colors[i]}\">{name}, {time:0} µs</text>");
        }

        Add($"</svg>");
        return svg.ToString();
    }

    private static double Share(double value, double low, double high) => Math.Log(value / low) / Math.Log(high / low);
}
