namespace WorkflowSessions.Contracts;

/// <summary>The programs of this machine that tests start.</summary>
public static class Programs
{
    /// <summary>The file of the first of several programs that there is; null when there is none.</summary>
    public static string? Find(params string[] names) =>
        (
            from name in names
            // Servers may lie where the PATH of a user does not lead.
            from folder in (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Append("/usr/sbin")
            let file = Path.Combine(folder, name)
            where File.Exists(file)
            select file
        ).FirstOrDefault();
}
