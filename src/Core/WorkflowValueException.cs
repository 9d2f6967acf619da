namespace WorkflowSessions;

/// <summary>A stored value can't be read as the type that was asked for.</summary>
public sealed class WorkflowValueException : WorkflowSessionException
{
    internal WorkflowValueException(string workflowId, string key, Type? storedType, Type requestedType)
        : base(Describe(workflowId, key, storedType, requestedType), workflowId, innerException: null)
    {
        Key = key;
        StoredType = storedType;
        RequestedType = requestedType;
    }

    /// <summary>The key of the value.</summary>
    public string Key { get; }

    /// <summary>The type of the stored value; null when a null is stored.</summary>
    public Type? StoredType { get; }

    /// <summary>The type that was asked for.</summary>
    public Type RequestedType { get; }

    private static string Describe(string workflowId, string key, Type? storedType, Type requestedType)
    {
        string place = $"The value of key '{key}' in workflow '{workflowId}'";
        return storedType is null
            ? $"{place} is null, which {requestedType} can't be. Read it as a nullable type, set a value, or delete the key."
            : $"{place} is a {storedType}, which can't be read as {requestedType} without loss. Read it as {storedType}, set it anew, or delete the key.";
    }
}
