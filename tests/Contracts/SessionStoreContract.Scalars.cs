namespace WorkflowSessions.Contracts;

public abstract partial class SessionStoreContract
{
    /// <summary>Every scalar at its extremes. Each must come back as the same type with the same bits.</summary>
    private static object[] Scalars =>
        [
            true,
            false,
            sbyte.MinValue,
            sbyte.MaxValue,
            byte.MaxValue,
            short.MinValue,
            ushort.MaxValue,
            int.MinValue,
            int.MaxValue,
            0,
            uint.MaxValue,
            long.MinValue,
            long.MaxValue,
            2L,
            ulong.MaxValue,
            nint.MinValue,
            nuint.MaxValue,
            Int128.MinValue,
            Int128.MaxValue,
            UInt128.MaxValue,
            2.0,
            0.1,
            double.MinValue,
            double.MaxValue,
            double.Epsilon,
            double.NaN,
            double.PositiveInfinity,
            double.NegativeInfinity,
            -0.0,
            0.1f,
            float.MaxValue,
            float.Epsilon,
            float.NaN,
            -0.0f,
            decimal.MinValue,
            decimal.MaxValue,
            1.50m,
            1.5m,
            0.0000000000000000000000000001m,
            0.00m,
            -0.0m,
            -0m,
            'a',
            '\0',
            '\uD83D',
            '\uFFFF',
            "",
            " ",
            "\0",
            "\uFEFFx",
            "2026-01-01",
            "2026-01-01T00:00:00Z",
            "42",
            "1.0",
            "true",
            "null",
            "3f2504e0-4f89-11d3-9a0c-0305e82c3301",
            "{\"a\":1}",
            "\U0001F600",
            "e\u0301",
            "\u00E9",
            "\r\n",
            "\uD83D",
            "a\uDE00b",
            new string('\u8A9E', 100_000),
            DateTime.MinValue,
            DateTime.MaxValue,
            new DateTime(2026, 3, 29, 2, 30, 0, DateTimeKind.Local),
            new DateTime(2026, 1, 2, 3, 4, 5, DateTimeKind.Utc).AddTicks(1),
            new DateTime(2026, 1, 2, 3, 4, 5, DateTimeKind.Unspecified),
            DateTimeOffset.MinValue,
            DateTimeOffset.MaxValue,
            new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.FromHours(-14)).AddTicks(9_999_999),
            DateOnly.MinValue,
            DateOnly.MaxValue,
            TimeOnly.MinValue,
            TimeOnly.MaxValue,
            TimeSpan.MinValue,
            TimeSpan.MaxValue,
            TimeSpan.FromTicks(-1),
            Guid.Empty,
            new Guid("3f2504e0-4f89-11d3-9a0c-0305e82c3301"),
            new Uri("https://example.com/a%20b?q=\u00E9#f"),
            new Uri("relative/path", UriKind.Relative),
            new Uri("/path", UriKind.Relative),
            new Uri("//host/path", UriKind.Relative),
            new Uri("?q=1#f", UriKind.Relative),
            new Uri("", UriKind.Relative),
            new Uri("file:///path"),
            new Uri("mailto:ann@example.com"),
            new Uri(@"\\host\share"),
            new Uri(@"\\host\share", UriKind.Relative),
            new Uri(@"C:\folder\file"),
        ];

    [Test]
    public async Task Scalar_is_read_exactly_as_it_was_set()
    {
        object[] scalars = Scalars;
        WorkflowSession workflow = await OpenAsync();
        for (int i = 0; i < scalars.Length; i++)
        {
            // Declared as an object, as an application does that has one.
            workflow.Set(Key(i), scalars[i]);
        }

        await InThisAndNextRequestAsync(
            workflow,
            w =>
            {
                IReadOnlyDictionary<string, object?> all = w.GetAll();
                for (int i = 0; i < scalars.Length; i++)
                {
                    AssertSame(scalars[i], w.Get<object>(Key(i)));
                    AssertSame(scalars[i], all[Key(i)]);
                }
            }
        );

        static string Key(int i) => $"scalar{i}";
    }

    [Test]
    public async Task Scalar_is_read_as_its_own_type()
    {
        WorkflowSession workflow = await OpenAsync();
        DateTime local = new(2026, 3, 29, 2, 30, 0, DateTimeKind.Local);
        Guid guid = new("3f2504e0-4f89-11d3-9a0c-0305e82c3301");
        workflow.Set("local", local);
        workflow.Set("guid", guid);
        workflow.Set("flag", true);
        workflow.Set("span", TimeSpan.FromMinutes(5));
        workflow.Set<DateOnly?>("date", new DateOnly(2026, 1, 1));
        workflow.Set<IComparable>("comparable", 5);
        await InThisAndNextRequestAsync(
            workflow,
            w =>
            {
                Assert.That(w.Get<DateTime>("local"), Is.EqualTo(local));
                Assert.That(w.Get<DateTime>("local").Kind, Is.EqualTo(DateTimeKind.Local));
                Assert.That(w.Get<Guid>("guid"), Is.EqualTo(guid));
                Assert.That(w.Get<bool?>("flag"), Is.True);
                Assert.That(w.Get<TimeSpan>("span"), Is.EqualTo(TimeSpan.FromMinutes(5)));
                Assert.That(w.Get<DateOnly?>("date"), Is.EqualTo(new DateOnly(2026, 1, 1)));
                Assert.That(w.Get<int>("comparable"), Is.EqualTo(5));
                AssertUnreadable<string>(w, "guid");
                AssertUnreadable<DateTimeOffset>(w, "local");
                AssertUnreadable<DateTime>(w, "date");
            }
        );
    }

    [Test]
    public async Task Bytes_are_read_as_bytes()
    {
        byte[] bytes = [0, 1, 255, (byte)'n'];
        WorkflowSession workflow = await OpenAsync();
        workflow.Set("bytes", bytes);
        workflow.Set("none", Array.Empty<byte>());
        await InThisAndNextRequestAsync(
            workflow,
            w =>
            {
                Assert.That(w.Get<byte[]>("bytes"), Is.EqualTo(bytes));
                Assert.That(w.Get<object>("bytes"), Is.EqualTo(bytes));
                Assert.That(w.GetAll()["none"], Is.EqualTo(Array.Empty<byte>()));
                AssertUnreadable<string>(w, "bytes");
            }
        );
    }

    [Test]
    public async Task Array_of_bytes_with_a_sign_or_of_enums_keeps_its_type()
    {
        WorkflowSession workflow = await OpenAsync();
        workflow.Set("signed", new sbyte[] { -1, 1 });
        workflow.Set("plans", new[] { Plan.Pro, Plan.Free });
        await InThisAndNextRequestAsync(
            workflow,
            w =>
            {
                Assert.That(w.Get<sbyte[]>("signed"), Is.TypeOf<sbyte[]>().And.EqualTo(new sbyte[] { -1, 1 }));
                Assert.That(w.Get<Plan[]>("plans"), Is.TypeOf<Plan[]>().And.EqualTo(new[] { Plan.Pro, Plan.Free }));
            }
        );
    }

    [Test]
    public async Task Value_that_was_read_is_the_callers_copy()
    {
        if (!Harness.IsBuffered)
        {
            // A store that writes through keeps the caller's objects themselves.
            WorkflowSession through = await OpenAsync();
            List<int> kept = [1];
            through.Set("list", kept);
            Assert.That(through.Get<List<int>>("list"), Is.SameAs(kept));
            return;
        }

        byte[] bytes = [1, 2, 3];
        List<int> list = [1, 2, 3];
        WorkflowSession workflow = await OpenAsync();
        workflow.Set("bytes", bytes);
        workflow.Set("list", list);
        bytes[0] = 99;
        list.Add(4);
        workflow.Get<byte[]>("bytes")![1] = 99;
        workflow.Get<List<int>>("list")!.Clear();
        ((byte[])workflow.GetAll()["bytes"]!)[2] = 99;
        await InThisAndNextRequestAsync(
            workflow,
            w =>
            {
                Assert.That(w.Get<byte[]>("bytes"), Is.EqualTo(new byte[] { 1, 2, 3 }));
                Assert.That(w.Get<List<int>>("list"), Is.EqualTo(new[] { 1, 2, 3 }));
            }
        );
    }

    [Test]
    public async Task Value_that_cannot_be_stored_fails_when_it_is_set()
    {
        WorkflowSession workflow = await OpenAsync();
        workflow.Set("x", 1);
        await workflow.CommitAsync();
        Action unstorable = () => { };
        if (!Harness.IsBuffered)
        {
            workflow.Set("x", unstorable);
            Assert.That(ReferenceEquals(workflow.Get<Action>("x"), unstorable), Is.True);
            return;
        }

        WorkflowValueException? error = Assert.Throws<WorkflowValueException>(() => workflow.Set("x", unstorable));
        Assert.That(error!.Message, Does.Contain("'x'").And.Contain("'checkout'").And.Contain("System.Action"));
        Assert.That(error.StoredType, Is.EqualTo(typeof(Action)));
        Assert.That(error.InnerException, Is.Not.Null);
        Assert.That(workflow.HasChanges, Is.False);
        await InThisAndNextRequestAsync(workflow, w => Assert.That(w.Get<int>("x"), Is.EqualTo(1)));
    }

    [Test]
    public async Task Object_without_its_type_is_a_dictionary_or_a_list()
    {
        if (!Harness.IsBuffered)
        {
            Assert.That(Harness.Open("alice"), Is.Not.InstanceOf<BufferedSessionStore>());
            return;
        }

        WorkflowSession workflow = await OpenAsync();
        workflow.Set("address", new Address("Main Street", 5, ["home"]));
        workflow.Set<object>("boxed", new Address("Side Street", 6, []));
        workflow.Set("list", new List<object?> { 1, "two", 3.5, null, true });
        await InThisAndNextRequestAsync(
            workflow,
            w =>
            {
                IReadOnlyDictionary<string, object?> all = w.GetAll();
                Assert.That(
                    all["address"],
                    Is.EquivalentTo(
                        new Dictionary<string, object?>
                        {
                            ["Street"] = "Main Street",
                            ["Number"] = 5L,
                            ["Tags"] = new List<object?> { "home" },
                        }
                    )
                );
                Assert.That(all["list"], Is.EqualTo(new List<object?> { 1L, "two", 3.5, null, true }));
                Assert.That(w.Get<Address>("boxed")!.Street, Is.EqualTo("Side Street"));
            }
        );
    }

    [Test]
    public async Task Number_in_an_object_without_a_type_is_exact()
    {
        if (!Harness.IsBuffered)
        {
            Assert.That(Harness.Open("alice"), Is.Not.InstanceOf<BufferedSessionStore>());
            return;
        }

        WorkflowSession workflow = await OpenAsync();
        workflow.Set("integers", new List<long> { 1, 9_007_199_254_740_993, long.MinValue });
        workflow.Set("naturals", new List<ulong> { ulong.MaxValue });
        workflow.Set("decimals", new List<decimal> { 1.50m, decimal.MaxValue, 0.1234567890123456789012345678m });
        workflow.Set("doubles", new List<double> { 1e300, -0.0, 1e-300 });
        await InThisAndNextRequestAsync(
            workflow,
            w =>
            {
                foreach (Func<string, object?> read in new Func<string, object?>[] { w.Get<object>, key => w.GetAll()[key] })
                {
                    AssertSameItems("integers", 1L, 9_007_199_254_740_993L, long.MinValue);
                    AssertSameItems("naturals", ulong.MaxValue);
                    AssertSameItems("decimals", 1.50m, decimal.MaxValue, 0.1234567890123456789012345678m);
                    AssertSameItems("doubles", 1e300, -0.0, 1e-300);

                    void AssertSameItems(string key, params object[] expected)
                    {
                        List<object?> items = (List<object?>)read(key)!;
                        Assert.That(items, Has.Count.EqualTo(expected.Length));
                        for (int i = 0; i < expected.Length; i++)
                        {
                            AssertSame(expected[i], items[i]);
                        }
                    }
                }
            }
        );
    }

    private static void AssertSame(object expected, object? actual)
    {
        string what = $"{expected.GetType().Name} {(expected is string { Length: > 50 } ? "long" : expected)}";
        if (actual is null || actual.GetType() != expected.GetType())
        {
            Assert.Fail($"{what} came back as {actual?.GetType().Name ?? "null"}");
            return;
        }

        Assert.That(actual.Equals(expected), Is.True, what);
        // Equal is not enough: -0.0 equals 0.0, 1.5 equals 1.50, and times are equal whatever their kind or offset.
        object? Detail(object value) =>
            value switch
            {
                double number => BitConverter.DoubleToInt64Bits(number),
                float number => BitConverter.SingleToInt32Bits(number),
                decimal number => string.Join(',', decimal.GetBits(number)),
                DateTime time => time.Kind,
                DateTimeOffset time => time.Offset,
                Uri uri => (uri.OriginalString, uri.IsAbsoluteUri),
                _ => null,
            };
        Assert.That(Equals(Detail(actual), Detail(expected)), Is.True, what);
    }
}
