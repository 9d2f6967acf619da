namespace WorkflowSessions;

/// <summary>A value can't be stored, or a stored one can't be read as the type that was asked for. No other key is affected.</summary>
public sealed class WorkflowValueException : WorkflowSessionException
{
    internal WorkflowValueException(string workflowId, string key, Type? storedType, Type requestedType)
        : this(Describe(workflowId, key, storedType, requestedType), workflowId, key, storedType, requestedType, innerException: null) { }

    private WorkflowValueException(
        string message,
        string workflowId,
        string key,
        Type? storedType,
        Type? requestedType,
        Exception? innerException
    )
        : base(message, workflowId, innerException)
    {
        Key = key;
        StoredType = storedType;
        RequestedType = requestedType;
    }

    /// <summary>The key of the value; empty when it is the receipt of the workflow.</summary>
    public string Key { get; }

    /// <summary>The type of the value; null when it is null, or when the stored bytes don't tell.</summary>
    public Type? StoredType { get; }

    /// <summary>The type that was asked for; null when the value was to be stored.</summary>
    public Type? RequestedType { get; }

    internal static WorkflowValueException NotStorable(string workflowId, string key, Type type, Exception innerException) =>
        new(
            $"{(key.Length == 0 ? "The receipt" : $"The value for key '{key}'")} of workflow '{workflowId}', a {type}, can't be stored. "
                + (
                    innerException is UnstorableValueException
                        ? $"It would not come back as it is: {innerException.Message}"
                        : "Set a type that the serializer can write and read."
                ),
            workflowId,
            key,
            type,
            requestedType: null,
            innerException
        );

    internal static WorkflowValueException NotReadable(string workflowId, string key, Type type, Exception? innerException) =>
        new(
            $"What is stored {(key.Length == 0 ? "as the receipt" : $"for key '{key}'")} of workflow '{workflowId}' can't be read as {type}: it was written as "
                + "another type or by a newer version, or it is damaged. "
                + (
                    key.Length == 0
                        ? "Read it as the type it was completed with."
                        : "Read it as the type it was set with, set it anew, or delete the key."
                ),
            workflowId,
            key,
            storedType: null,
            type,
            innerException
        );

    private static string Describe(string workflowId, string key, Type? storedType, Type requestedType)
    {
        if (key.Length == 0)
        {
            return $"The receipt of workflow '{workflowId}' is {(storedType is null ? "null" : $"a {storedType}")}, which can't be read as {requestedType}. "
                + "Read it as the type that the workflow was completed with.";
        }

        string place = $"The value of key '{key}' in workflow '{workflowId}'";
        return storedType is null
            ? $"{place} is null, which {requestedType} can't be. Read it as a nullable type, set a value, or delete the key."
            : $"{place} is a {storedType}, which can't be read as {requestedType} without loss. Read it as {storedType}, set it anew, or delete the key.";
    }
}
