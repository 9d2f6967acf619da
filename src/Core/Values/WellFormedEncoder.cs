using System.Text.Encodings.Web;

namespace WorkflowSessions;

/// <summary>Refuses text with a lone surrogate, which System.Text.Json writes as U+FFFD. Otherwise it escapes as another encoder does.</summary>
internal sealed unsafe class WellFormedEncoder(JavaScriptEncoder inner) : JavaScriptEncoder
{
    public override int MaxOutputCharactersPerInputCharacter => inner.MaxOutputCharactersPerInputCharacter;

    // The writer asks this of all text first: of strings, characters, names and keys, whatever converter writes them.
    public override int FindFirstCharacterToEncode(char* text, int textLength) =>
        NameRules.IndexOfLoneSurrogate(new ReadOnlySpan<char>(text, textLength)) < 0
            ? inner.FindFirstCharacterToEncode(text, textLength)
            : throw new UnstorableValueException(
                new(
                    "A text in it",
                    "has a lone surrogate, which JSON can't hold",
                    "Store well-formed text, or the text alone under a key of its own."
                )
            );

    public override bool TryEncodeUnicodeScalar(int unicodeScalar, char* buffer, int bufferLength, out int numberOfCharactersWritten) =>
        inner.TryEncodeUnicodeScalar(unicodeScalar, buffer, bufferLength, out numberOfCharactersWritten);

    public override bool WillEncode(int unicodeScalar) => inner.WillEncode(unicodeScalar);
}
