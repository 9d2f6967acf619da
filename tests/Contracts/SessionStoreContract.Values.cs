namespace WorkflowSessions.Contracts;

public abstract partial class SessionStoreContract
{
    public enum Plan : byte
    {
        Free,
        Pro = 7,
    }

    public enum Signed8 : sbyte
    {
        Value = sbyte.MinValue,
    }

    public enum Signed16 : short
    {
        Value = short.MinValue,
    }

    public enum Unsigned16 : ushort
    {
        Value = ushort.MaxValue,
    }

    public enum Unsigned32 : uint
    {
        Value = uint.MaxValue,
    }

    public enum Signed64 : long
    {
        Value = long.MinValue,
    }

    public enum Unsigned64 : ulong
    {
        Value = ulong.MaxValue,
    }

    public sealed record Address(string Street, int Number, IReadOnlyList<string> Tags);

    [Test]
    public async Task Number_is_read_as_another_numeric_type_when_nothing_is_lost()
    {
        WorkflowSession workflow = await OpenAsync();
        workflow.Set("int", 2);
        workflow.Set("long", 5_000_000_000L);
        workflow.Set("byte", (byte)200);
        workflow.Set("double", 2.0);
        workflow.Set("half", 0.5);
        workflow.Set("tenth", 0.1);
        workflow.Set("decimal", 1.50m);
        workflow.Set("max", long.MaxValue);
        workflow.Set("big", ulong.MaxValue);
        workflow.Set("nan", double.NaN);
        workflow.Set("huge", (Int128)long.MaxValue + 1);
        await InThisAndNextRequestAsync(
            workflow,
            w =>
            {
                Assert.That(w.Get<long>("int"), Is.EqualTo(2L));
                Assert.That(w.Get<short>("int"), Is.EqualTo((short)2));
                Assert.That(w.Get<double>("int"), Is.EqualTo(2.0));
                Assert.That(w.Get<decimal>("int"), Is.EqualTo(2m));
                Assert.That(w.Get<int?>("int"), Is.EqualTo(2));
                Assert.That(w.Get<long?>("int"), Is.EqualTo(2L));
                Assert.That(w.Get<nint>("int"), Is.EqualTo((nint)2));
                Assert.That(w.Get<ulong>("long"), Is.EqualTo(5_000_000_000UL));
                Assert.That(w.Get<int>("byte"), Is.EqualTo(200));
                Assert.That(w.Get<int>("double"), Is.EqualTo(2));
                Assert.That(w.Get<float>("half"), Is.EqualTo(0.5f));
                Assert.That(w.Get<decimal>("tenth"), Is.EqualTo(0.1m));
                Assert.That(w.Get<double>("decimal"), Is.EqualTo(1.5));
                Assert.That(w.Get<float>("nan"), Is.NaN);
                Assert.That(w.Get<ulong>("huge"), Is.EqualTo(9_223_372_036_854_775_808UL));
                Assert.That(w.Get<UInt128>("big"), Is.EqualTo((UInt128)ulong.MaxValue));
                Assert.That(w.Get("int", 0L), Is.EqualTo(2L));

                AssertUnreadable<int>(w, "long");
                AssertUnreadable<sbyte>(w, "byte");
                AssertUnreadable<int>(w, "half");
                AssertUnreadable<float>(w, "tenth");
                AssertUnreadable<int>(w, "decimal");
                AssertUnreadable<double>(w, "max");
                AssertUnreadable<double>(w, "big");
                AssertUnreadable<long>(w, "huge");
                AssertUnreadable<decimal>(w, "nan");
                AssertUnreadable<int?>(w, "nan");
            }
        );
    }

    [Test]
    public async Task Every_numeric_type_is_read_as_every_other()
    {
        object[] sevens = [7, 7L, 7.0, 7m, 7f, (byte)7, (sbyte)7, (short)7, (ushort)7, 7U, 7UL, (nint)7, (nuint)7, (Int128)7, (UInt128)7];
        WorkflowSession workflow = await OpenAsync();
        foreach (object seven in sevens)
        {
            workflow.Set(seven.GetType().Name, seven);
        }

        await InThisAndNextRequestAsync(
            workflow,
            w =>
            {
                foreach (object seven in sevens)
                {
                    string key = seven.GetType().Name;
                    Assert.That(w.Get<object>(key), Is.TypeOf(seven.GetType()).And.EqualTo(seven), key);
                    object?[] read =
                    [
                        w.Get<int>(key),
                        w.Get<long>(key),
                        w.Get<double>(key),
                        w.Get<decimal>(key),
                        w.Get<float>(key),
                        w.Get<byte>(key),
                        w.Get<sbyte>(key),
                        w.Get<short>(key),
                        w.Get<ushort>(key),
                        w.Get<uint>(key),
                        w.Get<ulong>(key),
                        w.Get<nint>(key),
                        w.Get<nuint>(key),
                        w.Get<Int128>(key),
                        w.Get<UInt128>(key),
                    ];
                    Assert.That(read.SequenceEqual(sevens), Is.True, key);
                    AssertUnreadable<string>(w, key);
                    AssertUnreadable<bool>(w, key);
                    AssertUnreadable<char>(w, key);
                }
            }
        );
    }

    [Test]
    public async Task Enum_of_every_underlying_type_is_its_integer()
    {
        WorkflowSession workflow = await OpenAsync();
        workflow.Set("byte", Plan.Pro);
        workflow.Set("sbyte", Signed8.Value);
        workflow.Set("short", Signed16.Value);
        workflow.Set("ushort", Unsigned16.Value);
        workflow.Set("int", DayOfWeek.Friday);
        workflow.Set("uint", Unsigned32.Value);
        workflow.Set("long", Signed64.Value);
        workflow.Set("ulong", Unsigned64.Value);
        await InThisAndNextRequestAsync(
            workflow,
            w =>
            {
                Assert.That(w.Get<byte>("byte"), Is.EqualTo((byte)7));
                Assert.That(w.Get<sbyte>("sbyte"), Is.EqualTo(sbyte.MinValue));
                Assert.That(w.Get<short>("short"), Is.EqualTo(short.MinValue));
                Assert.That(w.Get<ushort>("ushort"), Is.EqualTo(ushort.MaxValue));
                Assert.That(w.Get<int>("int"), Is.EqualTo(5));
                Assert.That(w.Get<uint>("uint"), Is.EqualTo(uint.MaxValue));
                Assert.That(w.Get<long>("long"), Is.EqualTo(long.MinValue));
                Assert.That(w.Get<ulong>("ulong"), Is.EqualTo(ulong.MaxValue));
                Assert.That(w.Get<Signed64>("long"), Is.EqualTo(Signed64.Value));
                Assert.That(w.Get<Unsigned64>("ulong"), Is.EqualTo(Unsigned64.Value));
                Assert.That(w.Get<Signed8>("sbyte"), Is.EqualTo(Signed8.Value));
            }
        );
    }

    [Test]
    public async Task Enum_is_read_from_and_as_its_integer()
    {
        WorkflowSession workflow = await OpenAsync();
        workflow.Set("plan", Plan.Pro);
        workflow.Set("int", 7);
        workflow.Set("unknown", 99);
        workflow.Set("long", 7_000L);
        await InThisAndNextRequestAsync(
            workflow,
            w =>
            {
                Assert.That(w.Get<Plan>("plan"), Is.EqualTo(Plan.Pro));
                Assert.That(w.Get<Plan?>("plan"), Is.EqualTo(Plan.Pro));
                Assert.That(w.Get<int>("plan"), Is.EqualTo(7));
                Assert.That(w.Get<byte>("plan"), Is.EqualTo((byte)7));
                Assert.That(w.Get<DayOfWeek>("plan"), Is.EqualTo((DayOfWeek)7));
                Assert.That(w.Get<Plan>("int"), Is.EqualTo(Plan.Pro));
                Assert.That(w.Get<Plan?>("int"), Is.EqualTo(Plan.Pro));
                Assert.That(w.Get<Plan>("unknown"), Is.EqualTo((Plan)99));
                AssertUnreadable<Plan>(w, "long");
                AssertUnreadable<string>(w, "plan");
            }
        );
    }

    [Test]
    public async Task Value_of_another_type_is_an_error_that_names_the_place_and_the_types()
    {
        WorkflowSession workflow = await OpenAsync();
        workflow.Set("name", "7up-secret");
        workflow.Set("flag", true);
        workflow.Set("char", 'a');
        await InThisAndNextRequestAsync(
            workflow,
            w =>
            {
                AssertUnreadable<int>(w, "name");
                AssertUnreadable<bool>(w, "name");
                AssertUnreadable<char>(w, "name");
                AssertUnreadable<Plan>(w, "name");
                AssertUnreadable<int>(w, "flag");
                AssertUnreadable<string>(w, "flag");
                AssertUnreadable<int>(w, "char");
                WorkflowValueException? error = Assert.Throws<WorkflowValueException>(() => w.Get<int>("name"));
                Assert.That(error!.Message, Does.Contain("name").And.Contain("checkout").And.Contain("String").And.Contain("Int32"));
                Assert.That(error.Message, Does.Not.Contain("7up"));
                Assert.That(error.StoredType, Is.EqualTo(typeof(string)));
                Assert.That(error.RequestedType, Is.EqualTo(typeof(int)));
                Assert.That(error.Key, Is.EqualTo("name"));
                Assert.That(error.WorkflowId, Is.EqualTo("checkout"));
                // What can't be read as one type is still there for another.
                Assert.That(w.Get<string>("name"), Is.EqualTo("7up-secret"));
                Assert.That(w.Get<object>("name"), Is.EqualTo("7up-secret"));
            }
        );
    }

    [Test]
    public async Task Null_is_read_as_any_type_that_has_one()
    {
        WorkflowSession workflow = await OpenAsync();
        workflow.Set<object?>("x", null);
        await InThisAndNextRequestAsync(
            workflow,
            w =>
            {
                Assert.That(w.Get<string>("x"), Is.Null);
                Assert.That(w.Get<int?>("x", 3), Is.Null);
                Assert.That(w.Get<Address>("x"), Is.Null);
                Assert.That(w.Get<object>("x"), Is.Null);
                AssertUnreadable<int>(w, "x");
                AssertUnreadable<Plan>(w, "x");
                AssertUnreadable<DateTime>(w, "x");
                Assert.That(() => w.Get("x", 3), Throws.InstanceOf<WorkflowValueException>());
                Assert.That(() => w.TryGet("x", out int _), Throws.InstanceOf<WorkflowValueException>());
            }
        );
    }

    [Test]
    public async Task Object_is_read_as_the_type_it_was_set_with()
    {
        Address address = new("Main Street", 5, ["home", "2026-01-01"]);
        WorkflowSession workflow = await OpenAsync();
        workflow.Set("address", address);
        workflow.Set("list", new List<int> { 1, 2, 3 });
        workflow.Set("map", new Dictionary<string, decimal> { ["total"] = 9.90m });
        await InThisAndNextRequestAsync(
            workflow,
            w =>
            {
                Address? read = w.Get<Address>("address");
                Assert.That(read!.Street, Is.EqualTo(address.Street));
                Assert.That(read.Number, Is.EqualTo(address.Number));
                Assert.That(read.Tags, Is.EqualTo(address.Tags));
                Assert.That(w.Get<List<int>>("list"), Is.EqualTo(new[] { 1, 2, 3 }));
                Assert.That(w.Get<IReadOnlyList<int>>("list"), Is.EqualTo(new[] { 1, 2, 3 }));
                Assert.That(w.Get<Dictionary<string, decimal>>("map"), Is.EqualTo(new Dictionary<string, decimal> { ["total"] = 9.90m }));
                AssertUnreadable<int>(w, "address");
            }
        );
    }

    [Test]
    public async Task Value_that_cannot_be_read_is_discarded_where_the_application_can_do_without()
    {
        WorkflowSession workflow = await OpenAsync();
        workflow.Set("step", "payment");
        workflow.Set("address", new Address("Main Street", 5, []));
        workflow.Set("nothing", (string?)null);
        await workflow.CommitAsync();
        Assert.That(workflow.GetOrDiscard<string>("step"), Is.EqualTo("payment"));
        Assert.That(workflow.GetOrDiscard("absent", 3), Is.EqualTo(3));
        Assert.That(workflow.GetOrDiscard("nothing", "default"), Is.Null);
        Assert.That(workflow.HasChanges, Is.False);

        Assert.That(workflow.GetOrDiscard("step", 1), Is.EqualTo(1));
        Assert.That(workflow.GetOrDiscard<int?>("address"), Is.Null);
        Assert.That(workflow.GetOrDiscard("nothing", 2), Is.EqualTo(2));
        Assert.That(workflow.Has("step"), Is.False);
        Assert.That(workflow.HasChanges, Is.EqualTo(Harness.IsBuffered));
        await InThisAndNextRequestAsync(workflow, w => Assert.That(w.Count, Is.Zero));
    }

    private static void AssertUnreadable<T>(WorkflowSession workflow, string key) =>
        Assert.That(() => workflow.Get<T>(key), Throws.InstanceOf<WorkflowValueException>(), $"{key} as {typeof(T)}");
}
