using System.Text.Json.Serialization;

namespace WorkflowSessions.ReflectionFree;

[JsonSerializable(typeof(Line))]
[JsonSerializable(typeof(List<(int, int)>))]
internal sealed partial class StoredTypes : JsonSerializerContext;
