namespace WorkflowSessions;

/// <summary>The stamp of the flat layout: Unix seconds as a <see cref="double"/>.</summary>
internal static class UnixStamp
{
    private static readonly double MinSeconds = ToSeconds(DateTimeOffset.MinValue);
    private static readonly double MaxSeconds = ToSeconds(DateTimeOffset.MaxValue);

    public static double ToSeconds(DateTimeOffset time) =>
        (time.UtcTicks - DateTimeOffset.UnixEpoch.UtcTicks) / (double)TimeSpan.TicksPerSecond;

    /// <summary>Any finite number that is a time <see cref="DateTimeOffset"/> can hold; anything else is no stamp.</summary>
    public static DateTimeOffset? Read(object? stamp)
    {
        if (stamp is null || !ValueConversion.TryConvertNumber(stamp, typeof(double), exact: false, out object? number))
        {
            return null;
        }

        double seconds = (double)number;
        // The double nearest to the last moment lies behind it.
        return seconds >= MinSeconds && seconds < MaxSeconds ? DateTimeOffset.UnixEpoch.AddSeconds(seconds) : null;
    }
}
