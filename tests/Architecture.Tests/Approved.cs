using WorkflowSessions.Contracts;

namespace WorkflowSessions.Architecture;

/// <summary>Compares with a committed text, so that a change of it is seen in review.</summary>
internal static class Approved
{
    public static void Verify(string name, string actual)
    {
        string approved = Path.Combine(Checkout.Root, "tests", "Architecture.Tests", "Approved", $"{name}.txt");
        string received = Path.ChangeExtension(approved, ".received.txt");
        actual = actual.ReplaceLineEndings("\n").TrimEnd() + "\n";
        if (File.Exists(approved) && string.Equals(File.ReadAllText(approved), actual, StringComparison.Ordinal))
        {
            File.Delete(received);
            return;
        }

        File.WriteAllText(received, actual);
        Assert.That(
            actual,
            Is.EqualTo(File.Exists(approved) ? File.ReadAllText(approved) : ""),
            $"If this is as it should be, move {received} over {approved}."
        );
    }
}
