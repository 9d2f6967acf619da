using System.Diagnostics.CodeAnalysis;
using System.Numerics;

namespace WorkflowSessions;

/// <summary>Which stored scalars can be read as which other types: numbers when nothing is lost, enums from and to their integer.</summary>
internal static class ValueConversion
{
    /// <summary>Reads <paramref name="value"/>, which is not a <paramref name="type"/>, as one.</summary>
    public static bool TryConvert(object value, Type type, [NotNullWhen(true)] out object? converted)
    {
        type = Nullable.GetUnderlyingType(type) ?? type;
        if (value.GetType().IsEnum)
        {
            value = ToInteger((Enum)value);
        }

        if (!type.IsEnum)
        {
            converted = value;
            return value.GetType() == type || TryConvertNumber(value, type, exact: true, out converted);
        }

        if (!TryConvertNumber(value, Enum.GetUnderlyingType(type), exact: true, out converted))
        {
            return false;
        }

        converted = Enum.ToObject(type, converted);
        return true;
    }

    /// <summary>Converts between numeric types; when <paramref name="exact"/>, only if converting back gives an equal value.</summary>
    public static bool TryConvertNumber(object value, Type type, bool exact, [NotNullWhen(true)] out object? converted)
    {
        converted =
            type == typeof(int) ? To<int>(value, exact)
            : type == typeof(long) ? To<long>(value, exact)
            : type == typeof(double) ? To<double>(value, exact)
            : type == typeof(decimal) ? To<decimal>(value, exact)
            : type == typeof(float) ? To<float>(value, exact)
            : type == typeof(byte) ? To<byte>(value, exact)
            : type == typeof(sbyte) ? To<sbyte>(value, exact)
            : type == typeof(short) ? To<short>(value, exact)
            : type == typeof(ushort) ? To<ushort>(value, exact)
            : type == typeof(uint) ? To<uint>(value, exact)
            : type == typeof(ulong) ? To<ulong>(value, exact)
            : type == typeof(nint) ? To<nint>(value, exact)
            : type == typeof(nuint) ? To<nuint>(value, exact)
            : type == typeof(Int128) ? To<Int128>(value, exact)
            : type == typeof(UInt128) ? To<UInt128>(value, exact)
            : null;
        return converted is not null;
    }

    /// <summary>The integer that an enum value stands for, in the enum's underlying type.</summary>
    public static object ToInteger(Enum value)
    {
        Type type = Enum.GetUnderlyingType(value.GetType());
        IConvertible convertible = value;
        return type == typeof(int) ? convertible.ToInt32(null)
            : type == typeof(long) ? convertible.ToInt64(null)
            : type == typeof(byte) ? convertible.ToByte(null)
            : type == typeof(sbyte) ? convertible.ToSByte(null)
            : type == typeof(short) ? convertible.ToInt16(null)
            : type == typeof(ushort) ? convertible.ToUInt16(null)
            : type == typeof(uint) ? convertible.ToUInt32(null)
            : convertible.ToUInt64(null);
    }

    private static object? To<T>(object value, bool exact)
        where T : struct, INumber<T> =>
        value switch
        {
            int number => Convert<int, T>(number, exact),
            long number => Convert<long, T>(number, exact),
            double number => Convert<double, T>(number, exact),
            decimal number => Convert<decimal, T>(number, exact),
            float number => Convert<float, T>(number, exact),
            byte number => Convert<byte, T>(number, exact),
            sbyte number => Convert<sbyte, T>(number, exact),
            short number => Convert<short, T>(number, exact),
            ushort number => Convert<ushort, T>(number, exact),
            uint number => Convert<uint, T>(number, exact),
            ulong number => Convert<ulong, T>(number, exact),
            nint number => Convert<nint, T>(number, exact),
            nuint number => Convert<nuint, T>(number, exact),
            Int128 number => Convert<Int128, T>(number, exact),
            UInt128 number => Convert<UInt128, T>(number, exact),
            _ => null,
        };

    private static object? Convert<TFrom, TTo>(TFrom number, bool exact)
        where TFrom : struct, INumber<TFrom>
        where TTo : struct, INumber<TTo>
    {
        try
        {
            // Checked, because the saturating conversion of long.MaxValue to double and back would seem to lose nothing.
            TTo converted = TTo.CreateChecked(number);
            return !exact || TFrom.CreateChecked(converted).Equals(number) ? converted : null;
        }
        catch (OverflowException)
        {
            return null;
        }
    }
}
