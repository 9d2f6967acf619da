using System.Collections;
using System.Collections.ObjectModel;
using System.Globalization;
using System.Numerics;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace WorkflowSessions.Tests;

// They are written as applications write them, also where an analyzer would not.
#pragma warning disable CA1051, CA1710, CA1822, MA0008

/// <summary>The types that are kept or refused.</summary>
public sealed partial class StorableTypesTests
{
    public enum Size : byte
    {
        Small,
        Large,
    }

    public sealed record Line(string Name, int Count)
    {
        public string? Note { get; init; }
    }

    public sealed record Cart(IReadOnlyList<Line> Lines)
    {
        public int Total => Lines.Sum(line => line.Count);
    }

    public readonly record struct Position(int X, int Y);

    public sealed class Customer
    {
        public string? Name { get; set; }
        public Size? Plan { get; set; }
        public Dictionary<string, List<int>> Numbers { get; set; } = [];
    }

    public sealed class Required
    {
        public required string Name { get; init; }
        public int Age { get; init; }
    }

    public sealed class Immutable(string name, int age)
    {
        public string Name { get; } = name;
        public int Age { get; } = age;
    }

    public sealed class Marked
    {
        public Marked() => Name = "nobody";

        [JsonConstructor]
        public Marked(string name) => Name = name;

        public string Name { get; }
    }

    public sealed class Included
    {
        [JsonInclude]
        public int Count { get; private set; }

        public static Included Of(int count) => new() { Count = count };
    }

    public sealed class PrivateMember
    {
        [JsonInclude]
        private int Count { get; set; }

        public static PrivateMember Of(int count) => new() { Count = count };
    }

    public sealed class Populated
    {
        [JsonObjectCreationHandling(JsonObjectCreationHandling.Populate)]
        public List<string> Names { get; } = [];

        public static Populated Of(params string[] names)
        {
            Populated value = new();
            value.Names.AddRange(names);
            return value;
        }
    }

    public sealed class Ignoring
    {
        public string? Name { get; set; }

        [JsonIgnore]
        public Stream? Cache { get; set; }
    }

    public sealed class Extensible
    {
        public string? Name { get; set; }

        [JsonExtensionData]
        public Dictionary<string, JsonElement> More { get; set; } = [];
    }

    public sealed class Marker;

    public sealed class Node
    {
        public string? Name { get; set; }
        public Node? Next { get; set; }
        public List<Node> Children { get; set; } = [];
    }

    public sealed class Report
    {
        public string Text { get; set; } = "";
        public Stream? Content => null;
    }

    public sealed class Sized
    {
        public int Width { get; set; }
        public (int Width, int Height) Size => (Width, 2 * Width);
    }

    public sealed class Holder
    {
        public object? Value { get; set; }
        public object? Other { get; set; }
    }

    [JsonConverter(typeof(MoneyConverter))]
    public readonly struct Money(decimal amount)
    {
        private readonly decimal _amount = amount;

        public decimal ToDecimal() => _amount;
    }

    public sealed class MoneyConverter : JsonConverter<Money>
    {
        public override Money Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
            new(reader.GetDecimal());

        public override void Write(Utf8JsonWriter writer, Money value, JsonSerializerOptions options) =>
            writer.WriteNumberValue(value.ToDecimal());
    }

    public sealed class BigIntegerConverter : JsonConverter<BigInteger>
    {
        public override BigInteger Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
            BigInteger.Parse(reader.GetString()!, CultureInfo.InvariantCulture);

        public override void Write(Utf8JsonWriter writer, BigInteger value, JsonSerializerOptions options) =>
            writer.WriteStringValue(value.ToString(CultureInfo.InvariantCulture));
    }

    public interface IShape;

    [JsonDerivedType(typeof(Circle), "circle")]
    [JsonDerivedType(typeof(Square), "square")]
    public abstract class Shape : IShape;

    public sealed class Circle : Shape
    {
        public int Radius { get; set; }
    }

    public sealed class Square : Shape
    {
        public int Side { get; set; }
    }

    public abstract class AbstractShape
    {
        public int Width { get; set; }
    }

    public sealed class Ellipse : AbstractShape;

    public sealed class Lines : List<Line>;

    public class Basket : ICollection<Line>
    {
        private readonly List<Line> _lines = [];

        public int Count => _lines.Count;

        public bool IsReadOnly => false;

        public void Add(Line item) => _lines.Add(item);

        public void Clear() => _lines.Clear();

        public bool Contains(Line item) => _lines.Contains(item);

        public void CopyTo(Line[] array, int arrayIndex) => _lines.CopyTo(array, arrayIndex);

        public bool Remove(Line item) => _lines.Remove(item);

        public IEnumerator<Line> GetEnumerator() => _lines.GetEnumerator();

        IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
    }

    public sealed class NamedBasket : Basket
    {
        public string? Owner { get; set; }
    }

    public sealed class NamedList : List<int>
    {
        public string? Owner { get; set; }
    }

    public sealed class CountingList : Collection<int>
    {
        private int _added;

        protected override void InsertItem(int index, int item)
        {
            _added++;
            base.InsertItem(Math.Min(index, _added), item);
        }
    }

    public sealed class Fields
    {
        public int X;
    }

    public sealed class FieldAndProperty
    {
        public int Count;

        public string? Name { get; set; }
    }

    public sealed class Outer
    {
        public List<Inner> Inner { get; set; } = [];
    }

    public sealed class Inner
    {
        public (int From, int To)? Range { get; set; }
    }

    public sealed class Hidden(int secret)
    {
        private readonly int _secret = secret;

        public Hidden()
            : this(0) { }

        public int Twice() => 2 * _secret;
    }

    public sealed class PrivateSetter
    {
        public int Count { get; private set; }

        public static PrivateSetter Of(int count) => new() { Count = count };
    }

    public sealed class GetOnly
    {
        public DateTime Created { get; } = DateTime.UnixEpoch;
    }

    public sealed class GetOnlyList
    {
        public List<string> Names { get; } = [];

        public static GetOnlyList Of(string name)
        {
            GetOnlyList value = new();
            value.Names.Add(name);
            return value;
        }
    }

    public readonly struct Plain(int x)
    {
        public int X { get; } = x;
    }

    public sealed class TwoConstructors
    {
        public TwoConstructors(int count) => Count = count;

        public TwoConstructors(string count) => Count = count.Length;

        public int Count { get; }
    }

    public sealed class Unbound(Uri source, int count)
    {
        public int Count { get; } = count + source.OriginalString.Length;
    }

    public sealed class PrivateConstructor
    {
        private PrivateConstructor() { }

        public int Count { get; set; }

        public static PrivateConstructor Create() => new();
    }

    public sealed class Zoo
    {
        public Animal? Animal { get; set; }
    }

    [JsonDerivedType(typeof(Lion), "lion")]
    public abstract class Animal;

    public sealed class Lion : Animal
    {
        public int Age { get; private set; }
    }

    public sealed class Upload
    {
        public string? Name { get; set; }
        public Stream? Content { get; set; }
    }

    public sealed class WithCallback
    {
        public Action? Done { get; set; }
    }

    public sealed record Page<T>(IReadOnlyList<T> Items, int Number)
    {
        public bool IsFirst => Number == 1;
    }

    public record Present(string Name);

    public sealed record Gift(string Name, string To) : Present(Name);

    public class Named
    {
        public virtual string? Name { get; set; }
    }

    public sealed class Special : Named
    {
        public override string? Name { get; set; }
    }
}
