namespace WorkflowSessions.Redis.Explorer;

/// <summary>What can happen in a schedule. The test run prints in how many schedules each of them did.</summary>
[Flags]
internal enum Happenings
{
    None = 0,
    Renewal = 1 << 0,
    Expiry = 1 << 1,
    EndOfSession = 1 << 2,
    List = 1 << 3,
    CommitWithClockAnHourAhead = 1 << 4,
    CommitWithClockAnHourBehind = 1 << 5,
    CrashBeforeRead = 1 << 6,
    CrashBeforeWrite = 1 << 7,
    DelayPastOtherMessages = 1 << 8,
    Duplicate = 1 << 9,
    LostRequest = 1 << 10,
    LostAnswer = 1 << 11,
    NoConnection = 1 << 12,
    Timeout = 1 << 13,
    TimePassed = 1 << 14,
    SuspendedNodes = 1 << 15,
    RefusedAsLate = 1 << 16,
    RefusedAsChanged = 1 << 17,
    RefusedAsEnded = 1 << 18,
    LateRenewal = 1 << 19,
    LateEndOfSession = 1 << 20,
    StoredAsExpected = 1 << 21,
    StoredTheLongWay = 1 << 22,
}
