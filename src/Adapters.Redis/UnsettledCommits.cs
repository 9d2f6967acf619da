using System.Security.Cryptography;

namespace WorkflowSessions.Redis;

/// <summary>
/// Numbers the commits of a node, and knows which of them may still be sent. A server can so tell a commit that it sees again from a new one, and
/// needs to remember only those that are not settled. Thread-safe.
/// </summary>
internal sealed class UnsettledCommits
{
    private readonly Lock _lock = new();

    // In the order of their numbers.
    private readonly LinkedList<long> _numbers = [];
    private long _last;

    /// <summary>What tells this node from others that commit to the same workflow: 31 random bits.</summary>
    public string Node { get; } = RandomNumberGenerator.GetString("abcdefghijklmnopqrstuvwxyz0123456789", 6);

    /// <summary>Begins a commit, which is not settled from now on.</summary>
    public Ticket Begin()
    {
        lock (_lock)
        {
            LinkedListNode<long> number = _numbers.AddLast(++_last);
            return new Ticket(number, _numbers.First!.Value);
        }
    }

    /// <summary>Declares that a commit is not sent again.</summary>
    public void Settle(Ticket ticket)
    {
        lock (_lock)
        {
            _numbers.Remove(ticket.Place);
        }
    }

    /// <param name="Place">Where the number is among those that are not settled.</param>
    /// <param name="Lowest">The lowest number that was not settled when this one began.</param>
    public readonly record struct Ticket(LinkedListNode<long> Place, long Lowest)
    {
        /// <summary>The number of the commit: 1 for the first of the node.</summary>
        public long Number => Place.Value;
    }
}
