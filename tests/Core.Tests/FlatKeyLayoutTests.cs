using FsCheck;
using FsCheck.Fluent;
using WorkflowSessions.Contracts;

namespace WorkflowSessions.Tests;

public sealed class FlatKeyLayoutTests
{
    private static readonly Gen<string> Names = Gen.OneOf(
        Gen.Elements(AdversarialNames.All.ToArray()),
        Gen.ArrayOf(Gen.Elements('a', '_', '%', '5', 'F', '2'))
            .Where(letters => letters.Length is > 0 and <= 128)
            .Select(letters => new string(letters))
    );

    [TestCase("checkout", "x", "workflow_checkout_x", "__checkout_last_modified")]
    [TestCase("a_b", "x_y", "workflow_a%5Fb_x_y", "__a%5Fb_last_modified")]
    [TestCase("50%", "%5F", "workflow_50%25_%5F", "__50%25_last_modified")]
    [TestCase("%5F", "_", "workflow_%255F__", "__%255F_last_modified")]
    [TestCase("_", "_", "workflow_%5F__", "__%5F_last_modified")]
    [TestCase("caf\u00E9", "\U0001F600", "workflow_caf\u00E9_\U0001F600", "__caf\u00E9_last_modified")]
    public void Slots_are_written_as_documented(string id, string key, string entry, string stamp)
    {
        Assert.That(FlatKeyLayout.EntryKey(id, key), Is.EqualTo(entry));
        Assert.That(FlatKeyLayout.EntryPrefix(id), Is.EqualTo(entry[..^key.Length]));
        Assert.That(FlatKeyLayout.StampKey(id), Is.EqualTo(stamp));
    }

    [Test]
    public void Every_slot_is_read_as_what_it_was_written_for() =>
        RandomInput.Check(
            Gen.Two(Names),
            RandomInput.Sequences,
            names =>
            {
                (string id, string key) = names;
                string slot = FlatKeyLayout.EntryKey(id, key);
                string stamp = FlatKeyLayout.StampKey(id);
                // To be read back is to be injective.
                Expect(
                    FlatKeyLayout.TryParseEntryKey(slot, out string? readId, out string? readKey) && readId == id && readKey == key,
                    slot
                );
                Expect(FlatKeyLayout.TryParseStampKey(stamp, out string? stampId) && stampId == id, stamp);
                Expect(!FlatKeyLayout.TryParseStampKey(slot, out _), slot);
                Expect(!FlatKeyLayout.TryParseEntryKey(stamp, out _, out _), stamp);
            }
        );

    [Test]
    public void No_two_pairs_of_id_and_key_share_a_slot()
    {
        HashSet<string> slots = new(StringComparer.Ordinal);
        foreach (string id in AdversarialNames.All)
        {
            Assert.That(slots.Add(FlatKeyLayout.StampKey(id)), Is.True, id);
            foreach (string key in AdversarialNames.All)
            {
                Assert.That(slots.Add(FlatKeyLayout.EntryKey(id, key)), Is.True, $"{id} {key}");
            }
        }

        Assert.That(slots, Has.Count.EqualTo(AdversarialNames.All.Count * (AdversarialNames.All.Count + 1)));
    }

    [TestCase("")]
    [TestCase("workflow_")]
    [TestCase("workflow_a")]
    [TestCase("workflow__x", Description = "no id")]
    [TestCase("workflow_%5f_x", Description = "not as we escape")]
    [TestCase("workflow_%_x")]
    [TestCase("workflow_%20_x")]
    [TestCase("Workflow_a_x")]
    [TestCase("__a_last_modified")]
    [TestCase("auth")]
    public void Slot_of_others_is_no_entry(string slot)
    {
        Assert.That(FlatKeyLayout.TryParseEntryKey(slot, out string? id, out string? key), Is.False);
        Assert.That(id, Is.Null);
        Assert.That(key, Is.Null);
    }

    [TestCase("")]
    [TestCase("__last_modified")]
    [TestCase("___last_modified", Description = "no id")]
    [TestCase("__a_b_last_modified", Description = "not as we escape")]
    [TestCase("__%_last_modified")]
    [TestCase("_a_last_modified")]
    [TestCase("__a_last_modifie")]
    [TestCase("workflow_a_last_modified")]
    public void Slot_of_others_is_no_stamp(string slot)
    {
        Assert.That(FlatKeyLayout.TryParseStampKey(slot, out string? id), Is.False);
        Assert.That(id, Is.Null);
    }

    [Test]
    public void Slot_of_an_id_that_nobody_can_open_is_not_one_of_ours()
    {
        Assert.That(FlatKeyLayout.TryParseEntryKey($"workflow_{new string('x', 129)}_x", out _, out _), Is.False);
        Assert.That(FlatKeyLayout.TryParseEntryKey("workflow_\uD83D_x", out _, out _), Is.False);
        Assert.That(FlatKeyLayout.TryParseStampKey($"__{new string('x', 129)}_last_modified", out _), Is.False);
    }

    [Test]
    public void Key_that_others_wrote_may_be_anything()
    {
        Assert.That(FlatKeyLayout.TryParseEntryKey("workflow_a_", out _, out string? key), Is.True);
        Assert.That(key, Is.Empty);
        Assert.That(FlatKeyLayout.TryParseEntryKey("workflow_a_" + new string('x', 999), out _, out key), Is.True);
        Assert.That(key, Has.Length.EqualTo(999));
    }

    [Test]
    public void Invalid_names_are_refused()
    {
        Assert.Multiple(() =>
        {
            Assert.That(() => FlatKeyLayout.EntryKey(null!, "x"), Throws.ArgumentNullException);
            Assert.That(() => FlatKeyLayout.EntryKey("a", null!), Throws.ArgumentNullException);
            Assert.That(() => FlatKeyLayout.TryParseEntryKey(null!, out _, out _), Throws.ArgumentNullException);
            Assert.That(() => FlatKeyLayout.TryParseStampKey(null!, out _), Throws.ArgumentNullException);
            foreach (string id in AdversarialNames.InvalidIds)
            {
                Assert.That(() => FlatKeyLayout.EntryKey(id, "x"), Throws.ArgumentException);
                Assert.That(() => FlatKeyLayout.EntryPrefix(id), Throws.ArgumentException);
                Assert.That(() => FlatKeyLayout.StampKey(id), Throws.ArgumentException);
            }

            foreach (string key in AdversarialNames.InvalidKeys)
            {
                Assert.That(() => FlatKeyLayout.EntryKey("a", key), Throws.ArgumentException);
            }
        });
    }

    [Test]
    public void Errors_about_names_tell_the_way_out()
    {
        Assert.Multiple(() =>
        {
            Assert.That(
                () => FlatKeyLayout.StampKey(""),
                Throws.ArgumentException.With.Message.Contains("empty").And.Message.Contains("1 to 128")
            );
            Assert.That(
                () => FlatKeyLayout.EntryKey("a", new string('x', 300)),
                Throws.ArgumentException.With.Message.Contains("300").And.Message.Contains("1 to 256")
            );
            Assert.That(
                () => FlatKeyLayout.EntryKey("a", "xy\uD83D"),
                Throws.ArgumentException.With.Message.Contains("index 2").And.Message.Contains("well-formed")
            );
        });
    }

    private static void Expect(bool condition, string slot)
    {
        if (!condition)
        {
            throw new InvalidOperationException($"'{slot}' is not read as what it was written for.");
        }
    }
}
