using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using StackExchange.Redis;

namespace WorkflowSessions.Redis;

/// <summary>One session in Redis.</summary>
/// <remarks>
/// Layout, version 1. The root of a session is the beginning of the SHA-256 of its id, in base64url, in braces, so that all its keys are in
/// one slot of a cluster.
/// <code>
/// {prefix}v1:{root}:{workflow}   hash, one per workflow, with a time to live
///     #                          generation, version, time of the last change and deadline, as decimal numbers with a space between;
///                                times are Unix milliseconds, the first by the clock of the node, the deadline by that of the server; 0 for none
///     .{key}                     one entry: a kind character and the payload
/// {prefix}v1:{root}              sorted set of the session's workflows by the time they expire, in Unix milliseconds of the server; it is
///                                touched when a workflow begins, is renewed or ends, and lives as long as the longest of them
/// </code>
/// Entries and metadata can't be taken for each other, because their fields begin differently.
/// </remarks>
internal sealed class RedisSessionStore(IDatabase database, string sessionId, RedisSessionStoreOptions options)
    : BufferedSessionStore(options)
{
    // What both scripts begin with: the server's clock, asked once; a time to live that never passes the deadline; and an entry of the index,
    // which lives as long as the longest of its workflows.
    private const string Common = """
        local now
        local function clock()
            if not now then
                local time = redis.call('TIME')
                now = time[1] * 1000 + math.floor(time[2] / 1000)
            end
            return now
        end
        local function text(number)
            return string.format('%.0f', number)
        end
        local function within(deadline, idle)
            return deadline == '0' and idle or math.max(1, math.min(idle, tonumber(deadline) - clock()))
        end
        local function index(workflow, stays)
            redis.call('ZADD', KEYS[2], text(clock() + stays), workflow)
            if redis.call('PTTL', KEYS[2]) < stays then
                redis.call('PEXPIRE', KEYS[2], text(stays))
            end
        end

        """;

    // ARGV: workflow, generation loaded, version required, generation if it is new, clears, ends, stamp, idle and absolute timeout, the number
    // of deleted fields, these, and then fields and values; empty where there is none. Whatever can fail comes before the first write to the
    // hash: the type of the key, damaged metadata, the type of the index; a full memory refuses the first write that may need more, so that
    // HSET comes before HDEL.
    // A time to live is renewed only when a tenth of it is gone, so that most commits are three calls.
    private static readonly Script Commit = new(
        Common
            + """
            local loaded, required, clears, ends = ARGV[2], ARGV[3], ARGV[5] == '1', ARGV[6] == '1'
            local idle, absolute = tonumber(ARGV[8]), tonumber(ARGV[9])
            local generation, version, deadline
            local meta = redis.call('HGET', KEYS[1], '#')
            if meta then
                generation, version, deadline = string.match(meta, '^(%d+) (%d+) %-?%d+ (%d+)$')
            end
            if not generation and (meta or redis.call('EXISTS', KEYS[1]) == 1) then
                return redis.error_reply('DAMAGED metadata')
            end
            local gone = loaded ~= '' and generation ~= loaded
            if required ~= '' and not gone and (version or '0') ~= required then
                return {2}
            end
            if gone and (not ends or required ~= '') then
                return {1}
            end
            local removes = generation and ((ends and not gone) or clears)
            if ends and not gone then
                generation = nil
            end
            if ends and ARGV[7] == '' then
                if generation then
                    return {0, generation, version, redis.call('PTTL', KEYS[1])}
                end
                redis.call('ZREM', KEYS[2], ARGV[1])
                redis.call('DEL', KEYS[1])
                return {0}
            end
            local left = removes and -1 or redis.call('PTTL', KEYS[1])
            local begins = not generation
            if begins then
                generation, version = ARGV[4], '0'
                deadline = absolute and text(clock() + absolute) or '0'
            end
            version = text(tonumber(version) + 1)
            local stays = within(deadline, idle or absolute)
            local renews = left < 0.9 * stays or left > stays
            if renews then
                index(ARGV[1], stays)
                if begins then
                    redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', text(clock()))
                end
            end
            if removes then
                redis.call('DEL', KEYS[1])
            end
            local first = 11 + ARGV[10]
            redis.call('HSET', KEYS[1], '#', generation .. ' ' .. version .. ' ' .. ARGV[7] .. ' ' .. deadline, unpack(ARGV, first, math.min(first + 3999, #ARGV)))
            for i = first + 4000, #ARGV, 4000 do
                redis.call('HSET', KEYS[1], unpack(ARGV, i, math.min(i + 3999, #ARGV)))
            end
            for i = 11, first - 1, 4000 do
                redis.call('HDEL', KEYS[1], unpack(ARGV, i, math.min(i + 3999, first - 1)))
            end
            if renews then
                redis.call('PEXPIRE', KEYS[1], text(stays))
                left = stays
            end
            return {0, generation, version, left}
            """
    );

    // ARGV: workflow, idle timeout. The deadline, by the clock of the server, is never passed.
    private static readonly Script Renew = new(
        Common
            + """
            local meta = redis.call('HGET', KEYS[1], '#')
            local deadline = meta and string.match(meta, ' (%d+)$')
            if not deadline then
                return 0
            end
            local stays = within(deadline, tonumber(ARGV[2]))
            index(ARGV[1], stays)
            redis.call('PEXPIRE', KEYS[1], text(stays))
            return 1
            """
    );

    // KEYS: the index, then the workflows; ARGV: the ids of the workflows. What has begun since they were read is still in the index.
    private static readonly Script End = new(
        """
        redis.call('ZREM', KEYS[1], unpack(ARGV))
        redis.call('DEL', unpack(KEYS, 2))
        return redis.call('ZCARD', KEYS[1])
        """
    );

    private const int EndedAtOnce = 1_000;
    private const double RenewedBelow = 0.9;
    private const byte EntryField = (byte)'.';
    private const byte MetadataField = (byte)'#';

    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private static readonly SessionStoreCapabilities RedisCapabilities = new()
    {
        Buffered = true,
        AtomicCommit = true,
        VersionCheck = true,
        Listing = true,
        ExpiryPerWorkflow = true,
    };

    private readonly string _root = $"{options.KeyPrefix}v1:{{{HashSessionId(sessionId)}}}";
    private readonly TimeProvider _clock = options.TimeProvider;
    private readonly TimeSpan _timeout = options.CommandTimeout;

    public override SessionStoreCapabilities Capabilities => RedisCapabilities;

    /// <summary>The last renewal, which no request waits for.</summary>
    internal Task Renewal { get; private set; } = Task.CompletedTask;

    private RedisKey Index => _root;

    protected override async ValueTask<WorkflowRecord?> LoadWorkflowAsync(
        string workflowId,
        TimeSpan? idleTimeout,
        CancellationToken cancellationToken
    )
    {
        RedisKey key = Key(workflowId);
        HashEntry[] fields;
        long left;
        try
        {
            // Both are on their way before the first is answered.
            Task<HashEntry[]> reading = database.HashGetAllAsync(key, CommandFlags.DemandMaster);
            Task<RedisResult> remaining = database.ExecuteAsync("PTTL", [key], CommandFlags.DemandMaster);
            fields = await reading.WaitAsync(_timeout, cancellationToken).ConfigureAwait(false);
            // It is answered right after the other, mostly before this line.
            left = (long)await (remaining.IsCompleted ? remaining : remaining.WaitAsync(_timeout, cancellationToken)).ConfigureAwait(false);
        }
        catch (Exception error) when (IsOfServer(error))
        {
            throw Failure("could not be loaded", workflowId, mayBeStored: false, error);
        }

        if (fields.Length == 0 || left == -2)
        {
            return null;
        }

        DateTimeOffset now = _clock.GetUtcNow();
        WorkflowRecord record = Read(workflowId, fields, left < 0 ? null : now.AddMilliseconds(left));
        if (idleTimeout is { } idle && left < RenewedBelow * idle.TotalMilliseconds)
        {
            Renewal = RenewAsync(workflowId, key, idle);
            record = record.Renew(now, idle);
        }

        return record;
    }

    protected override async ValueTask<CommitResult> CommitWorkflowAsync(WorkflowCommit commit, CancellationToken cancellationToken)
    {
        RedisValue[] arguments = new RedisValue[10 + commit.Deletes.Count + (2 * commit.Sets.Count)];
        arguments[0] = commit.WorkflowId;
        arguments[1] = Text(commit.Generation);
        arguments[2] = Text(commit.RequiredVersion);
        arguments[3] = Text(commit.NewGeneration);
        arguments[4] = commit.Clears ? "1" : "";
        arguments[5] = commit.Ends ? "1" : "";
        arguments[6] = Text(commit.Stamp?.ToUnixTimeMilliseconds());
        arguments[7] = Text(Milliseconds(commit.IdleTimeout));
        arguments[8] = Text(Milliseconds(commit.AbsoluteTimeout));
        arguments[9] = Text(commit.Deletes.Count);
        int next = 10;
        foreach (string key in commit.Deletes)
        {
            arguments[next++] = Field(key);
        }

        foreach ((string key, ReadOnlyMemory<byte> value) in commit.Sets)
        {
            arguments[next++] = Field(key);
            arguments[next++] = Bytes(value);
        }

        cancellationToken.ThrowIfCancellationRequested();
        RedisValue[] answer;
        try
        {
            answer = (RedisValue[])(await RunAsync(Commit, [Key(commit.WorkflowId), Index], arguments).ConfigureAwait(false))!;
        }
        catch (Exception error) when (IsOfServer(error))
        {
            throw Failure("could not be committed", commit.WorkflowId, MayBeStored(error), error);
        }

        return (int)answer[0] switch
        {
            1 => CommitResult.Ended,
            2 => CommitResult.Changed,
            _ when answer.Length == 1 => CommitResult.Removed,
            _ => CommitResult.Stored(
                (long)answer[1],
                (long)answer[2],
                (long)answer[3] < 0 ? null : _clock.GetUtcNow().AddMilliseconds((long)answer[3])
            ),
        };
    }

    protected override async ValueTask<IReadOnlyList<WorkflowSummary>> ListWorkflowsAsync(CancellationToken cancellationToken)
    {
        try
        {
            string[] ids = await IndexedAsync(cancellationToken).ConfigureAwait(false);
            Task<long>[] lengths = [.. ids.Select(id => database.HashLengthAsync(Key(id), CommandFlags.DemandMaster))];
            Task<RedisResult>[] remaining = [.. ids.Select(id => database.ExecuteAsync("PTTL", [Key(id)], CommandFlags.DemandMaster))];
            await Task.WhenAll([.. lengths, .. remaining]).WaitAsync(_timeout, cancellationToken).ConfigureAwait(false);
            DateTimeOffset now = _clock.GetUtcNow();
            List<WorkflowSummary> workflows = [];
            for (int i = 0; i < ids.Length; i++)
            {
                // One field of each hash is its metadata.
                if (await lengths[i].ConfigureAwait(false) > 1)
                {
                    long left = (long)await remaining[i].ConfigureAwait(false);
                    workflows.Add(new WorkflowSummary(ids[i], left < 0 ? null : now.AddMilliseconds(left)));
                }
            }

            return workflows;
        }
        catch (Exception error) when (IsOfServer(error))
        {
            throw new SessionStoreException(
                $"The workflows of the session could not be listed. {Advice(error)}",
                "",
                mayBeStored: false,
                error
            );
        }
    }

    protected override async ValueTask EndWorkflowsAsync(CancellationToken cancellationToken)
    {
        bool begun = false;
        try
        {
            long remaining;
            do
            {
                // The record of the session goes also when the index was lost: without it nobody gets at what is left.
                string[] ids =
                [
                    SessionRecord.WorkflowId,
                    .. (await IndexedAsync(cancellationToken).ConfigureAwait(false)).Take(EndedAtOnce),
                ];
                begun = true;
                remaining = (long)
                    await RunAsync(End, [Index, .. ids.Select(Key)], [.. ids.Select(id => (RedisValue)id)]).ConfigureAwait(false);
            } while (remaining > 0);
        }
        catch (Exception error) when (IsOfServer(error))
        {
            throw new SessionStoreException(
                $"The workflows of the session could not be ended. {Advice(error)}",
                "",
                begun && MayBeStored(error),
                error
            );
        }
    }

    /// <summary>Runs a script. What is refused because the script is not there, or its slot is on the move, is certainly not done.</summary>
    private async Task<RedisResult> RunAsync(Script script, RedisKey[] keys, RedisValue[] arguments)
    {
        bool known = true;
        for (int attempt = 0; ; attempt++)
        {
            try
            {
                // By its hash: the client would look a text of this length up, character by character, each time.
                Task<RedisResult> run = known
                    ? database.ScriptEvaluateAsync(script.Hash, keys, arguments, CommandFlags.DemandMaster)
                    : database.ScriptEvaluateAsync(script.Text, keys, arguments, CommandFlags.DemandMaster);
                return await run.WaitAsync(_timeout).ConfigureAwait(false);
            }
            catch (RedisServerException error) when (attempt < 5 && Is(error, "NOSCRIPT"))
            {
                known = false;
            }
            catch (RedisServerException error) when (attempt < 5 && Is(error, "TRYAGAIN"))
            {
                await Task.Delay(TimeSpan.FromMilliseconds(1 << attempt), TimeProvider.System).ConfigureAwait(false);
            }
        }
    }

    /// <summary>Nobody waits for it: what fails here, the next load tries again.</summary>
    private async Task RenewAsync(string workflowId, RedisKey key, TimeSpan idle)
    {
        try
        {
            await RunAsync(Renew, [key, Index], [workflowId, Text(Milliseconds(idle))]).ConfigureAwait(false);
        }
        catch (Exception error) when (IsOfServer(error)) { }
    }

    private async Task<string[]> IndexedAsync(CancellationToken cancellationToken)
    {
        RedisValue[] ids = await database
            .SortedSetRangeByRankAsync(Index, flags: CommandFlags.DemandMaster)
            .WaitAsync(_timeout, cancellationToken)
            .ConfigureAwait(false);
        return [.. ids.Select(id => (string)id!)];
    }

    private static WorkflowRecord Read(string workflowId, HashEntry[] fields, DateTimeOffset? expiresAt)
    {
        Dictionary<string, ReadOnlyMemory<byte>> entries = new(fields.Length, StringComparer.Ordinal);
        string[]? metadata = null;
        try
        {
            foreach (HashEntry field in fields)
            {
                byte[] name = (byte[])field.Name!;
                if (name is [EntryField, ..])
                {
                    entries[StrictUtf8.GetString(name.AsSpan(1))] = (byte[])field.Value!;
                }
                else if (name is [MetadataField])
                {
                    metadata = ((string)field.Value!).Split(' ');
                }
                else
                {
                    throw new FormatException("A field is neither an entry nor metadata.");
                }
            }

            if (metadata is not { Length: 4 })
            {
                throw new FormatException("The metadata are missing, or not of their form.");
            }

            long version = Written(metadata[1]);
            // A script counts in doubles, which would not notice another commit from there on.
            if (version >= 1L << 53)
            {
                throw new FormatException("The version can't be counted.");
            }

            long deadline = Written(metadata[3]);
            return new WorkflowRecord(
                entries,
                Written(metadata[0]),
                version,
                DateTimeOffset.FromUnixTimeMilliseconds(metadata[2] is ['-', .. string past] ? -Written(past) : Written(metadata[2])),
                deadline == 0 ? null : DateTimeOffset.FromUnixTimeMilliseconds(deadline),
                expiresAt
            );
        }
        catch (Exception error) when (error is FormatException or OverflowException or ArgumentException)
        {
            throw Damaged(workflowId, error);
        }

        // What no script wrote, such as 007, it would not find equal either, and a commit would be told of a workflow that has ended.
        static long Written(string text) =>
            text is not ['0', _, ..] && text.AsSpan().IndexOfAnyExceptInRange('0', '9') < 0
                ? Number(text)
                : throw new FormatException("A number is not of its form.");
    }

    private RedisKey Key(string workflowId) => $"{_root}:{workflowId}";

    private static RedisValue Field(string key) => $".{key}";

    private static RedisValue Text(long? number) => number?.ToString(CultureInfo.InvariantCulture) ?? "";

    private static long Number(string text) => long.Parse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);

    private static long? Milliseconds(TimeSpan? time) => time is { } span ? (long)Math.Ceiling(span.TotalMilliseconds) : null;

    /// <summary>The bytes without a copy, where they are an array of their own.</summary>
    private static byte[] Bytes(ReadOnlyMemory<byte> value) =>
        MemoryMarshal.TryGetArray(value, out ArraySegment<byte> array) && array.Offset == 0 && array.Count == array.Array!.Length
            ? array.Array
            : value.ToArray();

    private static bool Is(Exception error, string code) =>
        error is RedisServerException && error.Message.Contains(code, StringComparison.Ordinal);

    private static bool IsOfServer(Exception error) =>
        error is RedisServerException or RedisConnectionException or RedisCommandException or TimeoutException or ObjectDisposedException;

    /// <summary>An error that the server answers, or that the client has before it sends, is certain; all others leave it open.</summary>
    private static bool MayBeStored(Exception error) =>
        error switch
        {
            RedisServerException or RedisCommandException or ObjectDisposedException => false,
            RedisConnectionException { FailureType: ConnectionFailureType.UnableToResolvePhysicalConnection } => false,
            _ => true,
        };

    private static SessionStoreException Failure(string what, string workflowId, bool mayBeStored, Exception error) =>
        Is(error, "DAMAGED") || Is(error, "WRONGTYPE")
            ? Damaged(workflowId, error)
            : new SessionStoreException(
                $"Workflow '{workflowId}' {what}{(mayBeStored ? ", or was without an answer" : "")}. {Advice(error)}",
                workflowId,
                mayBeStored,
                error
            );

    private static SessionStoreException Damaged(string workflowId, Exception error) =>
        new(
            $"What is stored of workflow '{workflowId}' is damaged, or something else has its key; nothing was read or changed. Delete the key, or choose another prefix.",
            workflowId,
            mayBeStored: false,
            error
        );

    private static string Advice(Exception error) =>
        Is(error, "NOPERM")
            ? "The user of the connection needs the ACL rule '~{prefix}* +@hash +@sortedset +@keyspace +@scripting +@connection +info +time'."
        : error is TimeoutException ? $"The server did not answer within {nameof(RedisSessionStoreOptions.CommandTimeout)}."
        : error is RedisServerException ? "The server refused it."
        : "The server could not be reached.";

    /// <summary>A script, and the SHA-1 of its text by which the server knows it.</summary>
    private sealed class Script(string text)
    {
        public string Text => text;

        [SuppressMessage("Security", "CA5350", Justification = "It is the server's name for a script, and guards nothing.")]
        public byte[] Hash { get; } = System.Security.Cryptography.SHA1.HashData(Encoding.UTF8.GetBytes(text));
    }
}
