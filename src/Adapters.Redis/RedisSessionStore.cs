using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using StackExchange.Redis;

namespace WorkflowSessions.Redis;

/// <summary>One session in Redis.</summary>
/// <remarks>
/// <para>
/// A commit without an answer, because its connection broke, is sent again until there is one or the time is over. So that it is applied once, it
/// has a number of its node, which the workflow keeps until the node has settled it.
/// </para>
/// Layout, version 1. The root of a session is the beginning of the SHA-256 of its id, in base64url, in braces, so that all its keys are in
/// one slot of a cluster.
/// <code>
/// {prefix}v1:{root}:{workflow}   hash, one per workflow, with a time to live
///     #                          generation, version, time of the last change and deadline, as decimal numbers with a space between;
///                                times are Unix milliseconds, the first by the clock of the node, the deadline by that of the server; 0 for none.
///                                Then, for each node that committed, its name, the lowest number that it has not settled, and how far from
///                                there the numbers are that are stored, if it is not that one alone: " name:5:0,2", " name:8". Redis keeps a
///                                hash in its small form while no value of it is longer than 64 bytes, so that all of this is short. Where commits may be sent again to a workflow that has ended, this stays for
///                                a while, with the generation 0, and nothing else
///     .{key}                     one entry: a kind character and the payload
/// {prefix}v1:{root}              sorted set of the session's workflows by the time they expire, in Unix milliseconds of the server; it is
///                                touched when a workflow begins, is renewed or ends, and lives as long as the longest of them
/// </code>
/// Entries and metadata can't be taken for each other, because their fields begin differently.
/// </remarks>
internal sealed class RedisSessionStore(
    RedisConnection connection,
    string sessionId,
    RedisSessionStoreOptions options,
    UnsettledCommits unsettled,
    MasterSearch master
) : BufferedSessionStore(options)
{
    // What the scripts that set a time to live share: the server's clock, asked once; a time to live that never passes the deadline; and an entry of
    // the index, which lives as long as the longest of its workflows. The id of the workflow is what its key has behind that of the index.
    // Times and numbers are below 10^14, up to which Lua writes them as they are.
    private const string Lifetime = """
        local now
        local function clock()
            if not now then
                local time = redis.call('TIME')
                now = time[1] * 1000 + math.floor(time[2] / 1000)
            end
            return now
        end
        local function within(deadline, idle)
            return deadline == '0' and idle or math.max(1, math.min(idle, deadline - clock()))
        end
        local function index(stays)
            redis.call('ZADD', KEYS[2], clock() + stays, string.sub(KEYS[1], #KEYS[2] + 2))
            if redis.call('PTTL', KEYS[2]) < stays then
                redis.call('PEXPIRE', KEYS[2], stays)
            end
        end

        """;

    // ARGV: what Header says, what Details says, the deleted fields, and then fields and values. Whatever can fail comes before the first write to the
    // hash: the type of the key, damaged metadata, the type of the index; a full memory refuses the first write that may need more, so that
    // HSET comes before HDEL.
    // Without details it is the commit of most requests, which calls two commands: the workflow was there when it was loaded, is not
    // cleared or ended, is not sent again, and a tenth of its idle time has not gone yet, as far as the node knows.
    // Of each node the workflow keeps the numbers of the commits that the node may send again, and the lowest of these: what is below has been
    // settled. What does not fit is forgotten from the lowest on, and the node is told so when it asks for one of these.
    // The answer: the version; the version, the time to live and the generation; 0 removed, or one of the constants below.
    private static readonly Script Commit = new(
        """
            local MaxNumbers, MaxNodes = 64, 32
            local loaded, required, stamp, deletes, node, number, oldest =
                string.match(ARGV[1], '^(%d*) (%d*) (%-?%d*) (%d+) (%w+) (%d+) (%d+)$')
            local clears, ends, again, fresh, idle, absolute, wait
            local detailed = ARGV[2] ~= ''
            if detailed then
                clears, ends, again, fresh, idle, absolute, wait = string.match(ARGV[2], '^(c?)(e?)(a?) (%d*) (%d*) (%d*) (%d+)$')
                clears, ends, again = clears ~= '', ends ~= '', again ~= ''
                idle, absolute = tonumber(idle), tonumber(absolute)
            end
            local generation, version, deadline, commits
            local meta = redis.call('HGET', KEYS[1], '#')
            if meta then
                generation, version, deadline, commits = string.match(meta, '^(%d+) (%d+) %-?%d+ (%d+)([ %w:,]*)$')
            end
            if generation and (tonumber(version) >= 9e12 or commits ~= '' and string.byte(commits) ~= 32)
                or not generation and (meta or redis.call('EXISTS', KEYS[1]) == 1) then
                return redis.error_reply('DAMAGED metadata')
            end
            commits = commits or ''
            if generation == '0' then
                if version ~= '0' or redis.call('HLEN', KEYS[1]) > 1 then
                    return redis.error_reply('DAMAGED metadata')
                end
                generation, version = nil, nil
            end

            number = tonumber(number)
            local low, kept = tonumber(oldest), {}
            local at = string.find(commits, ' ' .. node .. ':', 1, true)
            if at then
                local settled, numbers, after = string.match(commits, '^(%d+):?([%d,]*)()', at + #node + 2)
                if not settled or #settled > 13 or string.find(numbers, '%d%d%d%d%d%d%d%d%d%d%d%d%d%d') then
                    return redis.error_reply('DAMAGED metadata')
                end
                local stored = false
                low = math.max(low, settled)
                for distance in string.gmatch(numbers ~= '' and numbers or '0', '%d+') do
                    local other = settled + distance
                    stored = stored or other == number
                    if other >= low then
                        kept[#kept + 1] = other
                    end
                end
                -- A number that is new to its node can neither be stored nor be settled.
                if not again and (stored or number < tonumber(settled)) then
                    return redis.error_reply('DAMAGED metadata')
                end
                if stored then
                    return generation and {tonumber(version), redis.call('PTTL', KEYS[1]), generation} or 0
                end
                if number < tonumber(settled) then
                    return -3
                end
                if #kept >= MaxNumbers then
                    table.sort(kept)
                    low = table.remove(kept, 1) + 1
                end
                commits = string.sub(commits, 1, at - 1) .. string.sub(commits, after)
            elseif again and string.find(commits, ' forgotten', 1, true) then
                return -3
            end
            local function remember()
                commits = commits .. ' ' .. node .. ':' .. low
                if #kept > 1 or kept[1] ~= low then
                    for i = 1, #kept do
                        commits = commits .. (i == 1 and ':' or ',') .. (kept[i] - low)
                    end
                end
            end

            local gone = loaded ~= '' and generation ~= loaded
            if required ~= '' and not gone and (version or '0') ~= required then
                return -2
            end
            if gone and (not ends or required ~= '') then
                return -1
            end
            local removes = generation and ((ends and not gone) or clears)
            if ends and not gone then
                generation = nil
            end
            if ends and stamp == '' then
                if generation then
                    return {tonumber(version), redis.call('PTTL', KEYS[1]), generation}
                end
                redis.call('ZREM', KEYS[2], string.sub(KEYS[1], #KEYS[2] + 2))
                redis.call('DEL', KEYS[1])
                if #kept > 0 then
                    remember()
                end
                if commits ~= '' then
                    redis.call('HSET', KEYS[1], '#', '0 0 0 0' .. commits)
                    redis.call('PEXPIRE', KEYS[1], wait)
                end
                return 0
            end
            local begins = not generation
            if #commits > 8 * MaxNodes and select(2, string.gsub(commits, ' ', '')) >= MaxNodes then
                commits = string.gsub(string.gsub(commits, ' forgotten:0', ''), '^ [^ ]+', '') .. ' forgotten:0'
            end
            kept[#kept + 1] = number
            remember()
            local left, stays

        """
            + Lifetime
            + """
            if detailed then
                if begins then
                    generation, version = fresh, 0
                    deadline = absolute and clock() + absolute or '0'
                end
                stays = within(deadline, idle or absolute)
                left = (begins or removes) and -1 or redis.call('PTTL', KEYS[1])
                if left < 0.9 * stays or left > stays then
                    left = stays
                    index(stays)
                    if begins then
                        redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', clock())
                    end
                else
                    stays = nil
                end
                if removes then
                    redis.call('DEL', KEYS[1])
                end
            end
            version = version + 1
            local first = 3 + deletes
            redis.call('HSET', KEYS[1], '#', generation .. ' ' .. version .. ' ' .. stamp .. ' ' .. deadline .. commits, unpack(ARGV, first, math.min(first + 3999, #ARGV)))
            for i = first + 4000, #ARGV, 4000 do
                redis.call('HSET', KEYS[1], unpack(ARGV, i, math.min(i + 3999, #ARGV)))
            end
            for i = 3, first - 1, 4000 do
                redis.call('HDEL', KEYS[1], unpack(ARGV, i, math.min(i + 3999, first - 1)))
            end
            if stays then
                redis.call('PEXPIRE', KEYS[1], stays)
            end
            return left and {version, left, generation} or version
            """
    );

    // ARGV: idle timeout. The deadline, by the clock of the server, is never passed.
    private static readonly Script Renew = new(
        Lifetime
            + """
            local meta = redis.call('HGET', KEYS[1], '#')
            local generation, deadline = string.match(meta or '', '^(%d+) %d+ %-?%d+ (%d+)')
            if not deadline or generation == '0' then
                return 0
            end
            local stays = within(deadline, tonumber(ARGV[1]))
            index(stays)
            redis.call('PEXPIRE', KEYS[1], stays)
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

    // Answers to a commit.
    private const int Removed = 0;
    private const int Ended = -1;
    private const int Changed = -2;
    private const int Forgotten = -3;

    // Longer ones a script would not write as whole numbers.
    private const int LongestNumber = 13;
    private const long UncountableVersion = 9_000_000_000_000;

    private const int EndedAtOnce = 1_000;

    // How long an ended workflow keeps the numbers of commits, where the timeout of who ended it is no longer than half of it.
    private static readonly TimeSpan ShortestMemory = TimeSpan.FromMinutes(1);

    private const double RenewedBelow = 0.9;
    private const byte EntryField = (byte)'.';
    private const byte MetadataField = (byte)'#';

    private static readonly SearchValues<char> NameCharacters = SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789");
    private static readonly SearchValues<char> NumberCharacters = SearchValues.Create("0123456789,");
    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private static readonly SessionStoreCapabilities RedisCapabilities = new()
    {
        Buffered = true,
        AtomicCommit = true,
        VersionCheck = true,
        Listing = true,
        ExpiryPerWorkflow = true,
    };

    private readonly string _root = $"{options.EffectiveKeyPrefix}v1:{{{HashSessionId(sessionId)}}}";
    private readonly TimeProvider _clock = options.TimeProvider;
    private readonly TimeSpan _timeout = options.CommandTimeout;

    public override SessionStoreCapabilities Capabilities => RedisCapabilities;

    /// <summary>The last renewal, which no request waits for.</summary>
    internal Task Renewal { get; private set; } = Task.CompletedTask;

    private RedisKey Index => _root;

    private IDatabase Database => connection.Database;

    protected override async ValueTask<WorkflowRecord?> LoadWorkflowAsync(string workflowId, CancellationToken cancellationToken)
    {
        await ReadyAsync("could not be loaded", workflowId, cancellationToken).ConfigureAwait(false);
        RedisKey key = Key(workflowId);
        HashEntry[] fields;
        long left;
        long start = TimeProvider.System.GetTimestamp();
        for (int attempt = 0; ; attempt++)
        {
            try
            {
                TimeSpan wait = attempt == 0 ? _timeout : Left(start);
                // Both are on their way before the first is answered.
                Task<HashEntry[]> reading = Database.HashGetAllAsync(key, CommandFlags.DemandMaster);
                Task<RedisResult> remaining = Database.ExecuteAsync("PTTL", [key], CommandFlags.DemandMaster);
                fields = await reading.WaitAsync(wait, cancellationToken).ConfigureAwait(false);
                // It is answered right after the other, mostly before this line.
                left = (long)await (remaining.IsCompleted ? remaining : remaining.WaitAsync(wait, cancellationToken)).ConfigureAwait(false);
                break;
            }
            catch (Exception error) when (IsOfServer(error))
            {
                if (!await PausedAsync(attempt, start, error, MayBeDone(error), cancellationToken).ConfigureAwait(false))
                {
                    throw Failure("could not be loaded", workflowId, mayBeStored: false, error);
                }
            }
        }

        if (fields.Length == 0 || left == -2)
        {
            return null;
        }

        return Read(workflowId, fields, left < 0 ? null : _clock.GetUtcNow().AddMilliseconds(left));
    }

    protected override ValueTask<WorkflowRecord> RenewWorkflowAsync(
        string workflowId,
        WorkflowRecord loaded,
        TimeSpan? idleTimeout,
        CancellationToken cancellationToken
    )
    {
        DateTimeOffset now = _clock.GetUtcNow();
        // A key without a time to live has lost it; it gets one, too.
        bool isDue = loaded.ExpiresAt is null || loaded.ExpiresAt - now < RenewedBelow * idleTimeout;
        if (idleTimeout is { } idle && isDue)
        {
            Renewal = RenewAsync(workflowId, Key(workflowId), idle);
            // How far a deadline is, only the server knows; until the next commit, what is left is what is certain.
            loaded = loaded.Deadline is null ? loaded.Renew(now, idle) : loaded;
        }

        return ValueTask.FromResult(loaded);
    }

    protected override async ValueTask<int> CountWorkflowsAsync(CancellationToken cancellationToken)
    {
        long start = TimeProvider.System.GetTimestamp();
        for (int attempt = 0; ; attempt++)
        {
            try
            {
                // The commit before has removed what has expired from the index.
                Task<long> counting = Database.SortedSetLengthAsync(Index, flags: CommandFlags.DemandMaster);
                Task<double?> record = Database.SortedSetScoreAsync(Index, SessionRecord.WorkflowId, CommandFlags.DemandMaster);
                long indexed = await counting.WaitAsync(Left(start), cancellationToken).ConfigureAwait(false);
                return (int)indexed - (await record.WaitAsync(Left(start), cancellationToken).ConfigureAwait(false) is null ? 0 : 1);
            }
            catch (Exception error) when (IsOfServer(error))
            {
                if (!await PausedAsync(attempt, start, error, MayBeDone(error), cancellationToken).ConfigureAwait(false))
                {
                    throw Failure("could not be counted", "", mayBeStored: false, error);
                }
            }
        }
    }

    protected override async ValueTask<CommitResult> CommitWorkflowAsync(WorkflowCommit commit, CancellationToken cancellationToken)
    {
        await ReadyAsync("could not be committed", commit.WorkflowId, cancellationToken).ConfigureAwait(false);
        RedisValue[] arguments = new RedisValue[2 + commit.Deletes.Count + (2 * commit.Sets.Count)];
        int next = 2;
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
        UnsettledCommits.Ticket ticket = unsettled.Begin();
        try
        {
            arguments[0] = Header(commit, ticket);
            arguments[1] = Details(commit, again: false);
            RedisKey[] keys = [Key(commit.WorkflowId), Index];
            RedisResult answer;
            long start = TimeProvider.System.GetTimestamp();
            try
            {
                answer = await Send(Commit, keys, arguments).WaitAsync(_timeout, CancellationToken.None).ConfigureAwait(false);
            }
            catch (Exception error) when (IsOfServer(error))
            {
                arguments[1] = Details(commit, again: true);
                answer = await SendAgainAsync(Commit, keys, arguments, "could not be committed", commit.WorkflowId, start, error)
                    .ConfigureAwait(false);
            }

            return Result(commit, (RedisValue[])answer!);
        }
        finally
        {
            unsettled.Settle(ticket);
        }
    }

    private CommitResult Result(WorkflowCommit commit, RedisValue[] answer) =>
        (long)answer[0] switch
        {
            Removed => CommitResult.Removed,
            Ended => CommitResult.Ended,
            Changed => CommitResult.Changed,
            Forgotten => throw Failure("could not be committed", commit.WorkflowId, mayBeStored: true, error: null),
            long version when answer.Length == 1 => CommitResult.Stored(commit.Generation!.Value, version, commit.ExpiresAt),
            long version => CommitResult.Stored(
                (long)answer[2],
                version,
                (long)answer[1] < 0 ? null : _clock.GetUtcNow().AddMilliseconds((long)answer[1])
            ),
        };

    protected override async ValueTask<IReadOnlyList<WorkflowSummary>> ListWorkflowsAsync(CancellationToken cancellationToken)
    {
        await ReadyAsync("could not be listed", "", cancellationToken).ConfigureAwait(false);
        try
        {
            string[] ids = await IndexedAsync(cancellationToken).ConfigureAwait(false);
            Task<long>[] lengths = [.. ids.Select(id => Database.HashLengthAsync(Key(id), CommandFlags.DemandMaster))];
            Task<RedisResult>[] remaining = [.. ids.Select(id => Database.ExecuteAsync("PTTL", [Key(id)], CommandFlags.DemandMaster))];
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
            throw Failure("could not be listed", "", mayBeStored: false, error);
        }
    }

    protected override async ValueTask EndWorkflowsAsync(CancellationToken cancellationToken)
    {
        const string What = "could not be ended";
        await ReadyAsync(What, "", cancellationToken).ConfigureAwait(false);
        long remaining;
        do
        {
            string[] indexed;
            try
            {
                indexed = await IndexedAsync(cancellationToken).ConfigureAwait(false);
            }
            catch (Exception error) when (IsOfServer(error))
            {
                throw Failure(What, "", mayBeStored: false, error);
            }

            // The record of the session goes also when the index was lost: without it nobody gets at what is left.
            string[] ids = [SessionRecord.WorkflowId, .. indexed.Take(EndedAtOnce)];
            RedisValue[] members = [.. ids.Select(id => (RedisValue)id)];
            remaining = (long)await RunAsync(End, [Index, .. ids.Select(Key)], members, What, "").ConfigureAwait(false);
        } while (remaining > 0);
    }

    /// <summary>Waits for the first connection, and refuses to send where the connection is known to be down.</summary>
    private ValueTask ReadyAsync(string what, string workflowId, CancellationToken cancellationToken)
    {
        return connection.IsConnected ? default : WaitAsync();

        async ValueTask WaitAsync()
        {
            if (await connection.WaitAsync(cancellationToken).ConfigureAwait(false) is { } error)
            {
                throw Failure(what, workflowId, mayBeStored: false, error);
            }
        }
    }

    private Task<RedisResult> Send(Script script, RedisKey[] keys, RedisValue[] arguments) =>
        // By its hash: the client would look a text of this length up, character by character, each time.
        Database.ScriptEvaluateAsync(script.Hash, keys, arguments, CommandFlags.DemandMaster);

    /// <summary>Runs a script that may run twice.</summary>
    /// <exception cref="SessionStoreException">The server refused it, or there was no answer in time.</exception>
    private async Task<RedisResult> RunAsync(Script script, RedisKey[] keys, RedisValue[] arguments, string what, string workflowId)
    {
        long start = TimeProvider.System.GetTimestamp();
        try
        {
            return await Send(script, keys, arguments).WaitAsync(_timeout).ConfigureAwait(false);
        }
        catch (Exception error) when (IsOfServer(error))
        {
            return await SendAgainAsync(script, keys, arguments, what, workflowId, start, error).ConfigureAwait(false);
        }
    }

    /// <summary>
    /// Goes on after a script failed for the first time: sends it again, with its text where the server has forgotten it, until there is an answer or the time is
    /// over.
    /// </summary>
    /// <exception cref="SessionStoreException">The server refused it, or there was no answer in time.</exception>
    private async Task<RedisResult> SendAgainAsync(
        Script script,
        RedisKey[] keys,
        RedisValue[] arguments,
        string what,
        string workflowId,
        long start,
        Exception error
    )
    {
        bool isKnown = true,
            mayBeDone = MayBeDone(error);
        for (int attempt = 0; ; attempt++)
        {
            if (isKnown && Is(error, "NOSCRIPT"))
            {
                isKnown = false;
            }
            else if (!await PausedAsync(attempt, start, error, mayBeDone, CancellationToken.None).ConfigureAwait(false))
            {
                throw Failure(what, workflowId, mayBeDone, error);
            }

            try
            {
                Task<RedisResult> run = isKnown
                    ? Send(script, keys, arguments)
                    : Database.ScriptEvaluateAsync(script.Text, keys, arguments, CommandFlags.DemandMaster);
                return await run.WaitAsync(Left(start)).ConfigureAwait(false);
            }
            catch (Exception next) when (IsOfServer(next))
            {
                error = next;
                mayBeDone |= MayBeDone(error);
            }
        }
    }

    /// <summary>
    /// Waits before something is sent again. What the server refused while a slot moves or a master is missing is certainly not done; what was on a connection that
    /// broke may be done.
    /// </summary>
    /// <returns>False when it is not to be sent again, or the time is over.</returns>
    private async Task<bool> PausedAsync(int attempt, long start, Exception error, bool mayBeDone, CancellationToken cancellationToken)
    {
        const int LongestPause = 64;
        if (
            Is(error, "READONLY")
            || error is RedisConnectionException { FailureType: ConnectionFailureType.UnableToResolvePhysicalConnection }
        )
        {
            master.Begin();
        }

        TimeSpan pause = TimeSpan.FromMilliseconds(Math.Min(LongestPause, 1 << Math.Min(attempt, 6)));
        bool passes = mayBeDone || Is(error, "TRYAGAIN") || Is(error, "CLUSTERDOWN");
        if (!passes || error is ObjectDisposedException || Left(start) <= pause)
        {
            return false;
        }

        await Task.Delay(pause, TimeProvider.System, cancellationToken).ConfigureAwait(false);
        return true;
    }

    private TimeSpan Left(long start)
    {
        TimeSpan left = _timeout - TimeProvider.System.GetElapsedTime(start);
        return left > TimeSpan.Zero ? left : TimeSpan.Zero;
    }

    /// <summary>Nobody waits for it: what fails here, the next load tries again.</summary>
    private async Task RenewAsync(string workflowId, RedisKey key, TimeSpan idle)
    {
        try
        {
            await RunAsync(Renew, [key, Index], [Text(Milliseconds(idle))], "could not be renewed", workflowId).ConfigureAwait(false);
        }
        catch (SessionStoreException) { }
    }

    /// <summary>
    /// The first argument of a commit: generation loaded, version required, stamp, number of deleted fields, the node, the number of the commit, and the lowest that
    /// is not settled. Empty where there is none, with a space between.
    /// </summary>
    private string Header(WorkflowCommit commit, UnsettledCommits.Ticket ticket) =>
        string.Create(
            CultureInfo.InvariantCulture,
            $"{commit.Generation} {commit.RequiredVersion} {commit.Stamp?.ToUnixTimeMilliseconds()} {commit.Deletes.Count} {unsettled.Node} {ticket.Number} {ticket.Lowest}"
        );

    /// <summary>
    /// The second argument of a commit, empty for most: whether it clears (c), ends (e), and is sent again (a); the generation of a workflow that begins;
    /// idle and absolute timeout; and how long its number is needed after an end.
    /// </summary>
    private string Details(WorkflowCommit commit, bool again)
    {
        TimeSpan? left = commit.ExpiresAt - _clock.GetUtcNow();
        bool renews = left is null || left < RenewedBelow * commit.IdleTimeout;
        bool isPlain = commit.Generation is not null && !commit.Clears && !commit.Ends && !again && !renews;
        return isPlain
            ? ""
            : string.Create(
                CultureInfo.InvariantCulture,
                $"{(commit.Clears ? "c" : "")}{(commit.Ends ? "e" : "")}{(again ? "a" : "")} {commit.NewGeneration} "
                    + $"{Milliseconds(commit.IdleTimeout)} {Milliseconds(commit.AbsoluteTimeout)} {Milliseconds(_timeout > ShortestMemory / 2 ? 2 * _timeout : ShortestMemory)}"
            );
    }

    private async Task<string[]> IndexedAsync(CancellationToken cancellationToken)
    {
        RedisValue[] ids = await Database
            .SortedSetRangeByRankAsync(Index, flags: CommandFlags.DemandMaster)
            .WaitAsync(_timeout, cancellationToken)
            .ConfigureAwait(false);
        return [.. ids.Select(id => (string)id!)];
    }

    /// <returns>Null when only the numbers of commits are left of the workflow.</returns>
    private static WorkflowRecord? Read(string workflowId, HashEntry[] fields, DateTimeOffset? expiresAt)
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
                    metadata = ((string)field.Value!).Split(' ', count: 5);
                }
                else
                {
                    throw new FormatException("A field is neither an entry nor metadata.");
                }
            }

            if (metadata is not { Length: 4 or 5 } || (metadata.Length == 5 && !AreCommits(metadata[4])))
            {
                throw new FormatException("The metadata are missing, or not of their form.");
            }

            long generation = Written(metadata[0]);
            long version = Written(metadata[1]);
            if (generation == 0)
            {
                return version == 0 && entries.Count == 0 ? null : throw new FormatException("It has ended, and has not.");
            }

            if (version >= UncountableVersion)
            {
                throw new FormatException("The version can't be counted.");
            }

            long deadline = Written(metadata[3]);
            return new WorkflowRecord(
                entries,
                generation,
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

    /// <summary>Whether a text is what a script keeps of the commits of nodes, and can count on.</summary>
    private static bool AreCommits(ReadOnlySpan<char> nodes)
    {
        foreach (Range part in nodes.Split(' '))
        {
            ReadOnlySpan<char> node = nodes[part];
            int name = node.IndexOf(':');
            ReadOnlySpan<char> rest = node[(name + 1)..];
            int lowest = rest.IndexOf(':') is >= 0 and var end ? end : rest.Length;
            if (
                name <= 0
                || lowest is < 1 or > LongestNumber
                || node[..name].IndexOfAnyExcept(NameCharacters) >= 0
                || rest[..lowest].IndexOfAnyExceptInRange('0', '9') >= 0
                || (lowest < rest.Length && rest[(lowest + 1)..].IndexOfAnyExcept(NumberCharacters) >= 0)
            )
            {
                return false;
            }
        }

        return true;
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

    private static bool Is(Exception? error, string code) =>
        error is RedisServerException && error.Message.Contains(code, StringComparison.Ordinal);

    private static bool IsOfServer(Exception error) =>
        error is RedisServerException or RedisConnectionException or RedisCommandException or TimeoutException or ObjectDisposedException;

    /// <summary>An error that the server answers, or that the client has before it sends, is certain; all others leave it open.</summary>
    private static bool MayBeDone(Exception error) =>
        error switch
        {
            RedisServerException or RedisCommandException or ObjectDisposedException => false,
            RedisConnectionException { FailureType: ConnectionFailureType.UnableToResolvePhysicalConnection } => false,
            _ => true,
        };

    private SessionStoreException Failure(string what, string workflowId, bool mayBeStored, Exception? error) =>
        !mayBeStored && workflowId.Length > 0 && (Is(error, "DAMAGED") || Is(error, "WRONGTYPE"))
            ? Damaged(workflowId, error!)
            : new SessionStoreException(
                $"{(workflowId.Length > 0 ? $"Workflow '{workflowId}'" : "The workflows of the session")} {what}"
                    + $"{(mayBeStored ? ", or was without an answer" : "")}. {Advice(error)}",
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

    private string Advice(Exception? error) =>
        error is ObjectDisposedException ? "The connection was closed: the application shuts down, or has disposed it."
        : error is not (null or RedisServerException) && connection.Explanation is { } explanation ? explanation
        : error is null ? "It was sent again so late that the number of it is forgotten. Load the workflow to see."
        : Is(error, "NOPERM")
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
