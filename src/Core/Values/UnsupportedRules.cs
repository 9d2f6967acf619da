using System.Reflection;

namespace WorkflowSessions;

/// <summary>Types that System.Text.Json refuses to write; found before there is a value of them.</summary>
internal static class UnsupportedRules
{
    public static ContractProblem? Find(Type type, string place)
    {
        string subject = ObjectRules.Subject(type, place);
        return typeof(Delegate).IsAssignableFrom(type) || typeof(MemberInfo).IsAssignableFrom(type)
                ? new(subject, "is code of this process", "Store the data that it works on, or a name that you look it up by.")
            : type == typeof(nint) || type == typeof(nuint) || type.IsPointer
                ? new(subject, "is a pointer or a number of the platform's size", "Use long or ulong.")
            : type is { IsArray: true } && type.GetArrayRank() > 1
                ? new(subject, "is an array of more than one dimension", "Use an array of arrays.")
            : null;
    }
}
