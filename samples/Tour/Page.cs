using System.Globalization;

/// <summary>Prints the steps of the tour, coloured on a terminal and plain elsewhere.</summary>
internal sealed class Page(IDictionary<string, object?> session)
{
    private const string Bold = "1";
    private const string Cyan = "36";
    private const string Green = "32";
    private const string Grey = "90";

    private readonly bool _coloured = !Console.IsOutputRedirected && string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR"));
    private int _titles;

    public void Title(string title)
    {
        if (_titles++ > 0)
        {
            Console.WriteLine();
        }

        Console.WriteLine(Paint(Bold, $"{_titles}. {title}"));
    }

    public void Step(string call) => Console.WriteLine($"   {Paint(Cyan, call)}");

    public void Step(string call, object? result) =>
        Console.WriteLine($"   {Paint(Cyan, call)} {Paint(Grey, "→")} {Paint(Green, Show(result))}");

    public void Session()
    {
        Console.WriteLine(Paint(Grey, session.Count == 0 ? "   session: empty" : "   session:"));
        foreach ((string slot, object? value) in session)
        {
            Console.WriteLine(Paint(Grey, $"     {slot} = {Show(value)}"));
        }
    }

    private static string Show(object? value) =>
        value switch
        {
            null => "null",
            string text => $"\"{text}\"",
            bool flag => flag ? "true" : "false",
            DateTimeOffset time => time.ToString("O", CultureInfo.InvariantCulture),
            Exception error => $"{error.GetType().Name}: {error.Message}",
            IEnumerable<KeyValuePair<string, object?>> entries =>
                $"{{ {string.Join(", ", entries.Select(entry => $"{entry.Key}: {Show(entry.Value)}"))} }}",
            IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
            _ => value.ToString() ?? "",
        };

    private string Paint(string colour, string text) => _coloured ? $"\u001b[{colour}m{text}\u001b[0m" : text;
}
